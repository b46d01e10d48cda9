using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace OpenAutoGlm.Hosting;

/// <summary>Loads the model while the host starts: a model that cannot be loaded stops the start, not the first request.</summary>
sealed class EngineStart(IServiceProvider services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.Run(services.GetRequiredService<AutoInferenceEngine>, cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
