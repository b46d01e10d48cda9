using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Server;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Dashboard;

/// <summary>A server with its dashboard over small engines that tell prepared stories: one model loaded, one that can be.</summary>
sealed class DashboardServer : IAsyncDisposable
{
    public const string Model = "glm-4-9b-chat";
    public const string Other = "qwen3-4b-instruct";

    readonly AutoGlmServer _server;
    readonly HttpClient _client;

    DashboardServer(TimeSpan pace, int sequences)
    {
        MachineFacts machine = new()
        {
            Processor = "AMD EPYC 9654",
            Architecture = "X64",
            Cores = 16,
            UsableCores = 16,
            InstructionSet = "Avx512",
            Extensions = ["avx512_vnni", "avx512_bf16"],
            MemoryBytes = 64L << 30,
        };
        ServerOptions options = new() { Port = 0, Machine = machine, MeasureMachine = () => new MachineLimits(212e9, 1.9e12, 7.4e12) };
        _server = new AutoGlmServer(options, [
            new ModelOnDemand(Model, new Loader(pace, sequences, 5_600_000_000)) { Aliases = ["glm"] },
            new ModelOnDemand(Other, new Loader(pace, sequences, 2_700_000_000)),
        ]);
        _client = new HttpClient();
    }

    public string Url => _server.Urls.Single() + "/";

    public static async Task<DashboardServer> StartAsync(double paceMs = 4, int sequences = 4)
    {
        DashboardServer server = new(TimeSpan.FromMilliseconds(paceMs), sequences);
        await server._server.LoadAsync(Model, TestContext.Current.CancellationToken);
        await server._server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>A request of somebody else, whose answer comes when it ends.</summary>
    public Task<HttpResponseMessage> AskAsync(string question) => _client.PostAsync(
        Url + "v1/chat/completions",
        new StringContent($$"""{"model": "{{Model}}", "messages": [{"role": "user", "content": "{{question}}"}]}""", null, "application/json"),
        TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    /// <summary>Loads the same small model every time, and says that it takes what a large one would.</summary>
    sealed class Loader(TimeSpan pace, int sequences, long bytes) : IModelLoader
    {
        public string Source => "stories260K";

        public ModelFacts? Known => new(bytes, 512);

        public Task<ModelFacts> PrepareAsync(IProgress<LoadProgress> progress, CancellationToken cancellation) => Task.FromResult(Known!);

        public Task<LoadedModel> LoadAsync(IProgress<LoadProgress> progress, CancellationToken cancellation)
        {
            Stack stack = new(pace, sequences);
            return Task.FromResult(new LoadedModel(new Storyteller(stack.Generator), stack.Generator.Engine.ContextLength, bytes, stack));
        }

        public IModelLoader At(string path) => this;
    }

    /// <summary>A package, a backend and an engine, freed together.</summary>
    sealed class Stack : IAsyncDisposable
    {
        readonly ModelPackage _package = ModelPackage.Open(SharedData.Path("models", "stories260K", "stories260K-f32.gguf"));
        readonly CpuBackend _backend = new(new CpuOptions { Threads = 1 });

        public Stack(TimeSpan pace, int sequences)
        {
            EngineOptions options = new() { MaxSequences = sequences, KvMemoryBytes = 6 << 20, Speculation = new() { Source = Engine.Speculation.GuessSource.None } };
            InferenceEngine engine = new(new PacedModel(ModelRunner.Create(_package.Config, _package.Weights, _backend, options), pace), options, ownThread: true);
            Generator = new TextGenerator(engine, _package.Tokenizer!, ChatTemplate.Parse("{{ bos_token }}"), []);
        }

        public TextGenerator Generator { get; }

        public ValueTask DisposeAsync()
        {
            Generator.Engine.Dispose();
            _backend.Dispose();
            _package.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
