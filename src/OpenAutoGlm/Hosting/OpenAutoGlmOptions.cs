using OpenAutoGlm.Server;

namespace OpenAutoGlm.Hosting;

/// <summary>Which model a .NET application runs, and how: what AddOpenAutoGlm sets in code or binds from settings.</summary>
public sealed class OpenAutoGlmOptions
{
    Func<AutoInferenceOptions, AutoInferenceOptions> _inference = options => options;
    Func<ServerOptions, ServerOptions> _server = options => options;

    /// <summary>A GGUF file, a model folder, organisation/model on the hub, or synth:SHAPE[:FORMAT].</summary>
    public string Model { get; set; } = "";

    /// <summary>What clients call the model; null for the name in its file.</summary>
    public string? ModelId { get; set; }

    /// <summary>Format to round the matrices to first, such as int8 or int4; null for none.</summary>
    public string? Quantize { get; set; }

    /// <summary>Longest sequence in tokens; null for what the model and the memory allow.</summary>
    public int? ContextLength { get; set; }

    /// <summary>Sequences that run at the same time; null for the engine's own default.</summary>
    public int? MaxSequences { get; set; }

    /// <summary>Threads that compute; null for one on each core.</summary>
    public int? Threads { get; set; }

    /// <summary>Where <see cref="Microsoft.Extensions.DependencyInjection.OpenAutoGlmServices.AddOpenAutoGlmServer"/> listens: an IP address, "localhost", or "*".</summary>
    public string Host { get; set; } = "127.0.0.1";

    /// <summary>Its port; 0 for a free one.</summary>
    public int Port { get; set; } = 8000;

    /// <summary>Sets what has no property here. Called after all properties are set; several calls add up.</summary>
    public void ConfigureInference(Func<AutoInferenceOptions, AutoInferenceOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        Func<AutoInferenceOptions, AutoInferenceOptions> before = _inference;
        _inference = options => configure(before(options));
    }

    /// <summary>The same for the server.</summary>
    public void ConfigureServer(Func<ServerOptions, ServerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        Func<ServerOptions, ServerOptions> before = _server;
        _server = options => configure(before(options));
    }

    internal AutoInferenceOptions Inference()
    {
        AutoInferenceOptions options = new();
        return _inference(options with
        {
            Cpu = options.Cpu with { Threads = Threads },
            Engine = options.Engine with { ContextLength = ContextLength, MaxSequences = MaxSequences ?? options.Engine.MaxSequences },
        });
    }

    internal ServerOptions Server() => _server(new ServerOptions { Host = Host, Port = Port });
}
