using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenAutoGlm.Hosting;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Facade;

public sealed class ServicesTests : IDisposable
{
    readonly TemporaryFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task Settings_say_which_model_a_host_loads_serves_and_frees()
    {
        HostApplicationBuilder builder = Builder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Model:Model"] = "synth:llama-tiny",
            ["Model:ModelId"] = "tiny",
            ["Model:ContextLength"] = "128",
            ["Model:MaxSequences"] = "3",
            ["Model:Threads"] = "1",
            ["Model:Port"] = "0",
        });
        builder.Services.AddOpenAutoGlm(builder.Configuration.GetSection("Model"), InCache).AddOpenAutoGlmServer();
        AutoInferenceEngine engine;
        using (IHost host = builder.Build())
        {
            await host.StartAsync(TestContext.Current.CancellationToken);
            engine = host.Services.GetRequiredService<AutoInferenceEngine>();
            Assert.Equal((128, 3), (engine.Engine.ContextLength, engine.Engine.Options.MaxSequences));
            IChatClient client = host.Services.GetRequiredService<IChatClient>();
            Assert.Same(engine, client.GetService<AutoInferenceEngine>());
            Assert.Same(engine, host.Services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>().GetService<AutoInferenceEngine>());
            using HttpClient http = new() { BaseAddress = new Uri(host.Services.GetRequiredService<HostedServer>().Urls.Single()) };
            Assert.Contains("\"tiny\"", await http.GetStringAsync("/v1/models", TestContext.Current.CancellationToken));
            await host.StopAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, _cache.OpenMappings);
        Assert.Throws<ObjectDisposedException>(() => engine.Quantize("int8", cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_container_without_a_host_loads_the_model_when_it_is_wanted_and_once()
    {
        ServiceCollection services = new();
        services.AddOpenAutoGlm("synth:llama-tiny", InCache);
        using (ServiceProvider provider = services.BuildServiceProvider())
        {
            Assert.False(Directory.Exists(_cache.File("synth")));
            Assert.Same(provider.GetRequiredService<IChatClient>().GetService<AutoInferenceEngine>(), provider.GetRequiredService<AutoInferenceEngine>());
        }

        Assert.Equal(0, _cache.OpenMappings);
    }

    [Fact]
    public async Task A_model_that_is_not_named_or_not_there_stops_the_start_of_the_host()
    {
        HostApplicationBuilder unnamed = Builder();
        unnamed.Services.AddOpenAutoGlm(unnamed.Configuration.GetSection("Model"), InCache);
        using IHost first = unnamed.Build();
        Assert.Contains("No model is named", (await Assert.ThrowsAsync<OptionsValidationException>(() => first.StartAsync(TestContext.Current.CancellationToken))).Message);
        HostApplicationBuilder missing = Builder();
        missing.Services.AddOpenAutoGlm("no-such-file.gguf", InCache);
        using IHost second = missing.Build();
        await Assert.ThrowsAsync<FileNotFoundException>(() => second.StartAsync(TestContext.Current.CancellationToken));
    }

    static HostApplicationBuilder Builder() => Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());

    void InCache(OpenAutoGlmOptions options) =>
        options.ConfigureInference(inference => inference with { Hub = SyntheticEngine.In(_cache.Root).Hub });
}
