using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Hosting;

/// <summary>The OpenAI API while a host runs.</summary>
sealed class HostedServer(AutoInferenceEngine engine, IOptions<OpenAutoGlmOptions> options, ILoggerFactory loggers) : IHostedService, IAsyncDisposable
{
    AutoGlmServer? _server;

    /// <summary>Where it listens; empty before the start.</summary>
    public IReadOnlyCollection<string> Urls => _server?.Urls ?? [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        ServerOptions server = options.Value.Server();
        _server = new AutoGlmServer(server with { LoggerFactory = server.LoggerFactory ?? loggers }, engine.Served(options.Value.ModelId ?? engine.Model.Name));
        return _server.StartAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
