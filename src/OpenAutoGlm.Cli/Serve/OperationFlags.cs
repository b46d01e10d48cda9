using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Cli.Serve;

/// <summary>The flags of serve for whoever operates the server: who may come in, how long, how much, and what is told outside.</summary>
sealed class OperationFlags
{
    const string KeyVariable = "AUTOGLM_API_KEY";
    const string PasswordVariable = "AUTOGLM_TLS_PASSWORD";
    const string Json = "json";

    readonly Option<string[]> _keys = new("--api-key") { Description = $"A key that opens everything; may be repeated. Better out of sight in ${KeyVariable}. Default: nobody is asked for a key.", HelpName = "key" };
    readonly Option<string?> _keyFile = Flags.Text("--api-keys", "path", "A file of keys with roles and limits, made by 'autoglm keys new'. Read again when it changes and on SIGHUP.");
    readonly Option<string[]> _open = new("--open-route") { Description = "A path that needs no key; may be repeated, and then replaces the default. Default: /health and /ready.", HelpName = "path" };
    readonly Option<string[]> _origins = new("--cors") { Description = "An origin whose pages may call the API, or * for all; may be repeated. Default: none.", HelpName = "origin" };
    readonly Option<string?> _certificate = Flags.Text("--tls-cert", "path", $"Speak TLS with this certificate: PEM, or PKCS #12 (.pfx, .p12), whose password is in ${PasswordVariable}.");
    readonly Option<string?> _certificateKey = Flags.Text("--tls-key", "path", "The certificate's private key in PEM. Default: the file of --tls-cert.");
    readonly Option<TimeSpan?> _requestTime = Flags.Time("--request-timeout", "Longest time that an answer may take, queue included. Default: no limit.");
    readonly Option<TimeSpan?> _drainTime = Flags.Time("--drain-timeout", "How long running answers may go on after SIGTERM. Default: 30s.");
    readonly Option<long?> _body = Flags.Bytes("--max-body-size", "Largest request. Default: 8M.");
    readonly Option<int?> _requests = Flags.Int("--max-requests", "Requests for text inside the server at a time; the next is refused with 429. Default: 512.", 1, 1_000_000);
    readonly Option<string?> _format = Flags.OneOf("--log-format", "How the log is written: lines for people, or JSON objects for programs. Neither has prompts or answers. Default: text.", "text", Json);
    readonly Option<string?> _traces = Flags.Text("--otlp", "url", "Send a trace of every request to this OpenTelemetry collector, such as http://localhost:4318 (OTLP over HTTP).");

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_keys, _keyFile, _open, _origins, _certificate, _certificateKey, _requestTime, _drainTime, _body, _requests, _format, _traces];

    /// <summary>What they say, added to other options; what is opened for it is closed with the result.</summary>
    /// <exception cref="CommandFailedException">A file or a value is not what it should be.</exception>
    public ServeOperations Open(ParseResult arguments, ServerOptions options, ILoggerFactory loggers)
    {
        string[] keys = arguments.GetValue(_keys) ?? [];
        if (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } hidden)
        {
            keys = [.. keys, hidden];
        }

        string[] open = arguments.GetValue(_open) ?? [];
        return ServeOperations.Open(
            options with
            {
                OpenRoutes = open.Length > 0 ? [.. open] : options.OpenRoutes,
                CorsOrigins = [.. arguments.GetValue(_origins) ?? []],
                Certificate = Certificate(arguments.GetValue(_certificate), arguments.GetValue(_certificateKey)),
                RequestTimeout = arguments.GetValue(_requestTime),
                DrainTimeout = arguments.GetValue(_drainTime) ?? options.DrainTimeout,
                MaxBodyBytes = arguments.GetValue(_body) ?? options.MaxBodyBytes,
                MaxRequests = arguments.GetValue(_requests) ?? options.MaxRequests,
            },
            keys,
            arguments.GetValue(_keyFile),
            arguments.GetValue(_traces),
            loggers.CreateLogger("OpenAutoGlm.Keys"));
    }

    /// <summary>Has the log written in the form that was asked for.</summary>
    public void AddConsole(ILoggingBuilder logging, ParseResult arguments, CommandConsole console)
    {
        if (arguments.GetValue(_format) == Json)
        {
            logging.Configure(log => log.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
            logging.AddJsonConsole(format =>
            {
                format.IncludeScopes = true;
                format.UseUtcTimestamp = true;
                format.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
            });
        }
        else
        {
            logging.AddSimpleConsole(format =>
            {
                format.SingleLine = true;
                format.TimestampFormat = "HH:mm:ss ";
                format.ColorBehavior = console.Colours && console.ErrorIsTerminal ? LoggerColorBehavior.Default : LoggerColorBehavior.Disabled;
            });
        }

        logging.Services.Configure<ConsoleLoggerOptions>(target => target.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    internal static X509Certificate2? Certificate(string? path, string? key)
    {
        if (path is null)
        {
            return key is null ? null : throw CommandFailedException.Usage("--tls-key is given without --tls-cert");
        }

        try
        {
            if (Path.GetExtension(path).ToLowerInvariant() is ".pfx" or ".p12")
            {
                return X509CertificateLoader.LoadPkcs12FromFile(path, Environment.GetEnvironmentVariable(PasswordVariable));
            }

            return X509Certificate2.CreateFromPemFile(path, key);
        }
        catch (CryptographicException error)
        {
            throw new CommandFailedException($"{path}{(key is null ? "" : $" and {key}")} cannot be read as a certificate with its private key: {error.Message}", inner: error);
        }
    }
}
