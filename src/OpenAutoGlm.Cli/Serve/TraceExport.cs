using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace OpenAutoGlm.Cli.Serve;

/// <summary>Sends the spans of server and engine to a collector.</summary>
static class TraceExport
{
    /// <summary>Exports to an address until disposed; disposing sends what is left.</summary>
    /// <param name="address">The collector's address; /v1/traces is added where it has no path.</param>
    public static IDisposable To(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
        {
            throw CommandFailedException.Usage($"--otlp takes an address such as http://localhost:4318, and '{address}' is none");
        }

        return Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(resource => resource.AddService("open-autoglm"))
            .AddSource("OpenAutoGlm.Server", "OpenAutoGlm.Engine")
            .AddOtlpExporter(exporter =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = url.AbsolutePath == "/" ? new Uri(url, "/v1/traces") : url;
            })
            .Build();
    }
}
