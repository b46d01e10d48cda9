using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OpenAutoGlm;
using OpenAutoGlm.Hosting;

// Where applications look for such methods.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Adds a model of this process to an application.</summary>
public static class OpenAutoGlmServices
{
    /// <summary>
    /// Adds one model: as <see cref="AutoInferenceEngine"/>, <see cref="IChatClient"/> and
    /// <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>. It is loaded once, when the host starts or when it is first
    /// wanted, and disposed with the container.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="model">A GGUF file, a model folder, organisation/model on the hub, or synth:SHAPE[:FORMAT].</param>
    /// <param name="configure">Sets more.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOpenAutoGlm(this IServiceCollection services, string model, Action<OpenAutoGlmOptions>? configure = null)
    {
        services.AddOptions<OpenAutoGlmOptions>().Configure(options =>
        {
            options.Model = model;
            configure?.Invoke(options);
        });
        return services.AddModel();
    }

    /// <summary>The same with settings from a file or the environment, whose keys are the names of <see cref="OpenAutoGlmOptions"/>.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="settings">A section with Model and whatever else is to be set.</param>
    /// <param name="configure">Sets more, after the settings.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOpenAutoGlm(this IServiceCollection services, IConfiguration settings, Action<OpenAutoGlmOptions>? configure = null)
    {
        services.AddOptions<OpenAutoGlmOptions>().Bind(settings).Configure(options => configure?.Invoke(options));
        return services.AddModel();
    }

    /// <summary>
    /// Serves the model of <see cref="AddOpenAutoGlm(IServiceCollection, string, Action{OpenAutoGlmOptions}?)"/> over the
    /// OpenAI API while the host runs, on a port of its own (<see cref="OpenAutoGlmOptions.Port"/>). Running answers are
    /// finished before the host stops.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOpenAutoGlmServer(this IServiceCollection services)
    {
        services.TryAddSingleton<HostedServer>();
        return services.AddHostedService(provider => provider.GetRequiredService<HostedServer>());
    }

    static IServiceCollection AddModel(this IServiceCollection services)
    {
        services.AddOptions<OpenAutoGlmOptions>().Validate(
            options => !string.IsNullOrWhiteSpace(options.Model),
            "No model is named: set Model to a GGUF file, a model folder, organisation/model on the hub, or synth:llama-tiny to try.");
        services.TryAddSingleton(provider => Load(provider.GetRequiredService<IOptions<OpenAutoGlmOptions>>().Value));
        services.TryAddSingleton(provider => provider.GetRequiredService<AutoInferenceEngine>().AsChatClient(IdOf(provider)));
        services.TryAddSingleton(provider => provider.GetRequiredService<AutoInferenceEngine>().AsEmbeddingGenerator(IdOf(provider)));
        return services.AddHostedService<EngineStart>();
    }

    static string? IdOf(IServiceProvider provider) => provider.GetRequiredService<IOptions<OpenAutoGlmOptions>>().Value.ModelId;

    static AutoInferenceEngine Load(OpenAutoGlmOptions options)
    {
        AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained(options.Model, options.Inference());
        try
        {
            return options.Quantize is { } format ? engine.Quantize(format) : engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }
}
