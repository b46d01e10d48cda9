using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Attacks;

/// <summary>A server of this process over a small model of random weights that can chat and call tools.</summary>
sealed class AttackedServer : IAsyncDisposable
{
    public const string Model = "tiny";

    readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("autoglm-attack-");
    readonly AutoInferenceEngine _engine;
    readonly AutoGlmServer _server;

    AttackedServer()
    {
        _engine = AutoInferenceEngine.FromPretrained("synth:qwen3-tiny", new AutoInferenceOptions
        {
            Hub = new HubOptions { CacheFolder = _cache.FullName, IsOffline = true },
            Cpu = new CpuOptions { Threads = 1, PinThreads = false },
            Engine = new EngineOptions { ContextLength = 128, CheckInvariants = true },
        });
        _server = new AutoGlmServer(new ServerOptions { Port = 0 }, _engine.Served(Model));
    }

    public InferenceEngine Engine => _engine.Engine;

    public Uri Url => new(_server.Urls.Single());

    public static async Task<AttackedServer> StartAsync()
    {
        AttackedServer server = new();
        await server._server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>A good request; its choices.</summary>
    public static async Task<string> AskAsync(HttpClient client, CancellationToken cancellation)
    {
        JsonObject body = new() { ["model"] = Model, ["prompt"] = "Once upon a time", ["max_tokens"] = 16, ["temperature"] = 0 };
        using StringContent content = new(body.ToJsonString(), Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json"));
        using HttpResponseMessage response = await client.PostAsync("/v1/completions", content, cancellation);
        string text = await response.Content.ReadAsStringAsync(cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!["choices"]!.ToJsonString();
    }

    /// <summary>Waits until nothing runs and no block is held; fails after ten seconds.</summary>
    public async Task BecomesIdleAsync()
    {
        for (int tries = 0; Engine.Statistics is not { RunningSequences: 0, WaitingSequences: 0, UsedKvBlocks: 0 }; tries++)
        {
            Assert.True(tries < 1000, $"The engine still holds something: {Engine.Statistics}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _engine.DisposeAsync();
        _cache.Delete(recursive: true);
    }
}
