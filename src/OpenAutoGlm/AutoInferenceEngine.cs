using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Chat;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Tuning;
using OpenAutoGlm.Embeddings;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Server;

namespace OpenAutoGlm;

/// <summary>
/// A model, ready to answer: found or fetched by name, opened, and put together with a backend and an engine. Owns all
/// of them; disposing it cancels what still runs.
/// </summary>
public sealed class AutoInferenceEngine : IAsyncDisposable, IDisposable
{
    const string Automatic = "auto";

    readonly AutoInferenceOptions _options;
    readonly string? _draftPath;
    Loaded _loaded;
    int _disposed;

    AutoInferenceEngine(AutoInferenceOptions options, string? draftPath, Loaded loaded) => (_options, _draftPath, _loaded) = (options, draftPath, loaded);

    /// <summary>The model's files.</summary>
    public ModelPackage Model => _loaded.Model;

    /// <summary>What computes.</summary>
    public IBackend Backend => _loaded.Backend;

    /// <summary>The engine, which knows token ids only.</summary>
    public InferenceEngine Engine => _loaded.Engine;

    /// <summary>Turns requests for text into sequences and back.</summary>
    /// <exception cref="NotSupportedException">The model came without a tokenizer.</exception>
    /// <exception cref="ModelFormatException">The tokenizer contradicts itself or is not supported.</exception>
    /// <exception cref="TemplateException">The chat template cannot be read.</exception>
    public TextGenerator Generator => _loaded.Generator
        ?? throw new NotSupportedException($"{Model.Path} has no tokenizer, so it cannot be given text: put tokenizer.json or tokenizer.model beside the weights, or give token ids to the engine.");

    /// <summary>Whether the model has a chat template; without one it continues text.</summary>
    public bool CanChat => _loaded.Generator?.Template is not null;

    /// <summary>Tokens that end an answer.</summary>
    public ImmutableArray<int> EndTokens => [.. (Model.Tokenizer?.EosIds ?? []).Concat(Model.Generation.EosIds).Distinct()];

    /// <summary>Finds a model, fetches it if need be, and makes it ready. Waits for all of it: <see cref="FromPretrainedAsync"/> does not.</summary>
    /// <inheritdoc cref="FromPretrainedAsync"/>
    public static AutoInferenceEngine FromPretrained(string nameOrPath, AutoInferenceOptions? options = null) =>
        FromPretrainedAsync(nameOrPath, options).GetAwaiter().GetResult();

    /// <summary>Finds a model, fetches it if need be, and makes it ready.</summary>
    /// <param name="nameOrPath">A GGUF file, a model folder, organisation/model on the hub, or synth:SHAPE[:FORMAT].</param>
    /// <param name="options">How to find and run it.</param>
    /// <param name="progress">Hears how far a fetch is.</param>
    /// <param name="cancellation">Breaks off a fetch.</param>
    /// <exception cref="FileNotFoundException">There is no such file or folder; the message says what was tried.</exception>
    /// <exception cref="HubException">The hub has no such model, or it could not be fetched.</exception>
    /// <exception cref="ModelFormatException">The model's files are not what they must be.</exception>
    /// <exception cref="NotSupportedException">The architecture or a format is not supported.</exception>
    public static async Task<AutoInferenceEngine> FromPretrainedAsync(
        string nameOrPath, AutoInferenceOptions? options = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new AutoInferenceOptions();
        string path = await ModelLocator.LocateAsync(nameOrPath, options.Hub, progress, cancellation);
        string? draft = options.DraftModel is { } name ? await ModelLocator.LocateAsync(name, options.Hub, progress, cancellation) : null;
        return new AutoInferenceEngine(options, draft, Open(path, draft, options));
    }

    /// <summary>
    /// Goes on with the same model in another format: its matrices are rounded anew, written as a GGUF file, and opened.
    /// Answers that still run are cancelled, and generators, clients and servers made before are of the old model, so this
    /// belongs before all of them. Small formats are quicker, and further from the model's own answers.
    /// </summary>
    /// <param name="format">
    /// int8 (Q8_0), int4 (Q4_K_M), fp16 (F16), a format of GGUF files (<see cref="GgufQuantizer.Formats"/>), or auto: the smallest
    /// mixture whose perplexity is measured to be at most 1 % higher and that fits this machine's memory (<see cref="Optimizer"/>).
    /// Where there is none, the engine stays as it was.
    /// </param>
    /// <param name="path">The file to write; null for one in the cache, which is made once.</param>
    /// <param name="cancellation">Breaks off the writing; the engine stays as it was.</param>
    /// <returns>This engine.</returns>
    /// <exception cref="ArgumentException">There is no such format; the message lists all.</exception>
    /// <exception cref="NotSupportedException">The model is not a GGUF model.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public AutoInferenceEngine Quantize(string format, string? path = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        string name = format.ToLowerInvariant() switch
        {
            "int8" => "Q8_0",
            "int4" => "Q4_K_M",
            "fp16" => "F16",
            Automatic => Automatic,
            _ => GgufQuantizer.Formats.FirstOrDefault(known => known.Equals(format, StringComparison.OrdinalIgnoreCase))
                ?? throw new ArgumentException($"There is no format '{format}'; known are auto, int8, int4, fp16, {string.Join(", ", GgufQuantizer.Formats)}.", nameof(format)),
        };
        string target = path ?? CachedPath(name);
        if (name == Automatic)
        {
            if (!Optimize(target, anew: path is not null, cancellation))
            {
                return this;
            }
        }
        else if (path is not null || !File.Exists(target))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
            GgufQuantizer.Write(Model, name, target, cancellation: cancellation);
        }

        Loaded before = _loaded;
        _loaded = Open(target, _draftPath, _options);
        before.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return this;
    }

    /// <summary>Has the optimizer choose formats; false where no choice keeps its promise.</summary>
    bool Optimize(string target, bool anew, CancellationToken cancellation)
    {
        if (!anew && File.Exists(target))
        {
            return true;
        }

        string folder = $"{target}.{Environment.ProcessId}.folder";
        try
        {
            using Optimizer optimizer = new(Model.Path, _options);
            if (!optimizer.Quantize(Automatic).Configure(run => run with { MeasureSpeed = false }).Run(folder, progress: null, cancellation).Kept)
            {
                return false;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
            File.Move(Path.Combine(folder, "model.gguf"), target, overwrite: true);
            return true;
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    string CachedPath(string format)
    {
        ulong identity = ContentSum.Of(Encoding.UTF8.GetBytes(Model.Weights.Identity));
        string name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Model.Path));
        return Path.Combine((_options.Hub ?? HubOptions.FromEnvironment()).CacheFolder, "quantized", $"{identity:x16}-{name}-{format}.gguf");
    }

    /// <summary>The prompt of a question: through the chat template where there is one, else the text itself.</summary>
    /// <param name="question">What to ask.</param>
    /// <param name="system">What the model is told first; null for nothing.</param>
    /// <exception cref="NotSupportedException">There is a system message, but no chat template that could hold it.</exception>
    public GenerationPrompt Ask(string question, string? system = null)
    {
        if (!CanChat)
        {
            return system is null ? new GenerationPrompt.Text(question) : throw new NotSupportedException($"{Model.Name} has no chat template, so there is no place for a system message.");
        }

        JsonArray messages = [];
        if (system is not null)
        {
            messages.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
        }

        messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = question });
        return new GenerationPrompt.Chat(messages);
    }

    /// <summary>Answers a question, or continues a text where the model has no chat template, piece by piece.</summary>
    /// <param name="question">What to ask.</param>
    /// <param name="sampling">How tokens are chosen; null for what the model recommends.</param>
    /// <param name="maxTokens">Longest answer; null for the rest of the context.</param>
    /// <param name="cancellation">Ends the answer.</param>
    /// <exception cref="RequestRefusedException">The question is too long, or the engine too busy.</exception>
    /// <exception cref="SequenceFailedException">A step failed.</exception>
    public async IAsyncEnumerable<string> StreamAsync(
        string question, SamplingOptions? sampling = null, int? maxTokens = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await using TextGeneration generation = Generator.Start(
            new GenerationRequest { Prompt = Ask(question), Sampling = sampling ?? RecommendedSampling, MaxTokens = maxTokens },
            cancellation);
        await foreach (GenerationEvent happened in generation.ReadAllAsync(cancellation))
        {
            switch (happened)
            {
                case TextDelta { Text.Length: > 0 } delta:
                    yield return delta.Text;
                    break;

                case ChoiceFinished end:
                    end.ThrowUnlessWhole();
                    break;
            }
        }
    }

    /// <summary>The same in one piece.</summary>
    /// <inheritdoc cref="StreamAsync"/>
    public async Task<string> GenerateAsync(string question, SamplingOptions? sampling = null, int? maxTokens = null, CancellationToken cancellation = default)
    {
        StringBuilder answer = new();
        await foreach (string piece in StreamAsync(question, sampling, maxTokens, cancellation))
        {
            answer.Append(piece);
        }

        return answer.ToString();
    }

    /// <summary>What the model's authors recommend; temperature 1 where they say nothing.</summary>
    public SamplingOptions RecommendedSampling => new()
    {
        Temperature = Model.Generation.Temperature ?? 1,
        TopP = Model.Generation.TopP ?? 1,
        TopK = Model.Generation.TopK ?? 0,
        MinP = Model.Generation.MinP ?? 0,
        RepetitionPenalty = Model.Generation.RepetitionPenalty ?? 1,
    };

    /// <summary>The model as a server lists it, created when its files were.</summary>
    /// <param name="id">What clients call it.</param>
    /// <param name="aliases">Further names for it.</param>
    /// <exception cref="NotSupportedException">The model came without a tokenizer.</exception>
    public ServedModel Served(string id, params ReadOnlySpan<string> aliases) =>
        new(id, Generator) { Aliases = [.. aliases], Created = new DateTimeOffset(File.GetLastWriteTimeUtc(Model.Path)) };

    /// <summary>The model as a chat client of Microsoft.Extensions.AI. Disposing it leaves the engine alone.</summary>
    /// <param name="modelId">What the client says that the model is called; null for the name in its file.</param>
    /// <exception cref="NotSupportedException">The model came without a tokenizer.</exception>
    public IChatClient AsChatClient(string? modelId = null) => new AutoGlmChatClient(this, modelId);

    /// <summary>The model as a generator of embeddings of Microsoft.Extensions.AI. Disposing it leaves the engine alone.</summary>
    /// <inheritdoc cref="AsChatClient"/>
    public IEmbeddingGenerator<string, Embedding<float>> AsEmbeddingGenerator(string? modelId = null) => new AutoGlmEmbeddingGenerator(this, modelId);

    /// <summary>Serves the model over an OpenAI-compatible API until the token fires or the process is asked to end.</summary>
    /// <param name="host">Address to listen on; 0.0.0.0 lets other machines in.</param>
    /// <param name="port">Port; 0 for a free one.</param>
    /// <param name="cancellation">Ends the serving: running answers may finish.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public Task DeployAsync(string host = "127.0.0.1", int port = 8000, CancellationToken cancellation = default) =>
        DeployAsync(new ServerOptions { Host = host, Port = port }, cancellation: cancellation);

    /// <summary>The same with everything that a server can be told.</summary>
    /// <param name="options">Where to listen and how much to take on.</param>
    /// <param name="id">What clients call the model; null for the name in its file.</param>
    /// <param name="cancellation">Ends the serving: running answers may finish.</param>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
    /// <exception cref="IOException">The port is taken.</exception>
    public async Task DeployAsync(ServerOptions options, string? id = null, CancellationToken cancellation = default)
    {
        await using AutoGlmServer server = new(options, Served(id ?? Model.Name));
        await server.RunAsync(cancellation);
    }

    /// <summary>Cancels what still runs and frees engine, backend and files, in this order. Further calls do nothing.</summary>
    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _disposed, 1) == 0 ? _loaded.DisposeAsync() : ValueTask.CompletedTask;

    /// <summary>The same, and waits.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>What will compute a model: the backend that the options ask for, with the place of the model's plan file.</summary>
    /// <param name="model">The model, which must live longer than the backend's plans.</param>
    /// <param name="options">Which backend, and how.</param>
    /// <exception cref="NotSupportedException">The options ask for an instruction set that is not there.</exception>
    public static IBackend CreateBackend(ModelPackage model, AutoInferenceOptions options) => options.Backend == BackendKind.Reference
        ? new ReferenceInterpreter()
        : new CpuBackend(options.Cpu with
        {
            PlanCache = options.Cpu.PlanCache ?? PlanOf(model, options),
            Tuning = options.Cpu.Tuning ?? OpenTuning(options),
        });

    /// <summary>The sizes of kernels that were found to be the fastest on this machine, from the cache folder.</summary>
    public static TuningCache OpenTuning(AutoInferenceOptions options) =>
        TuningCache.Open(Path.Combine((options.Hub ?? HubOptions.FromEnvironment()).CacheFolder, "tuning.json"));

    /// <summary>
    /// Searches for the fastest sizes when a model meets a machine for the first time. The plan that is timed is kept in the
    /// plan file, so that the engine's own costs next to nothing.
    /// </summary>
    static void TuneOnce(ModelPackage model, IBackend backend, AutoInferenceOptions options)
    {
        if (backend is not CpuBackend { Options: { Tuning: { } cache, PlanCache: { } plan } } cpu || options.TuningBudget <= TimeSpan.Zero
            || model.Weights.Stored.Sum(tensor => tensor.Bytes) < Math.Max(1, plan.LeastBytes)
            || cache.TryGet(cpu.TuningKeyOf(plan.Model), out _))
        {
            return;
        }

        using ModelMeter meter = new(model.Config, model.Weights, cpu, new MeterLimits(1, 2, 2) { KvFormat = options.Engine.KvFormat });
        new PlanTuner(cpu, meter.Plan).Search(after => meter.Decode(1, 0, after), cache, options.TuningBudget);
        cache.Set(cpu.TuningKeyOf(plan.Model), 1);
        cache.TrySave();
    }

    static PlanCache? PlanOf(ModelPackage model, AutoInferenceOptions options) =>
        options.Plan.For(model, (options.Hub ?? HubOptions.FromEnvironment()).CacheFolder) is { } cache ? cache with { IsReadOnly = options.Plan.IsReadOnly } : null;

    /// <summary>Reads the tokenizer for who will want it. Its faults are for them: a lazy value throws again what it threw.</summary>
    static void ReadAhead(ModelPackage model)
    {
        try
        {
            _ = model.Tokenizer;
        }
        catch (Exception error) when (error is ModelFormatException or NotSupportedException or IOException)
        {
        }
    }

    static Loaded Open(string path, string? draftPath, AutoInferenceOptions options)
    {
        ModelPackage model = ModelPackage.Open(path);
        Task reading = Task.Run(() => ReadAhead(model));
        IBackend? backend = null;
        Draft? draft = null;
        try
        {
            backend = CreateBackend(model, options);
            TuneOnce(model, backend, options);
            draft = draftPath is null ? null : Draft.Open(draftPath, options);
            InferenceEngine engine = new(model.Config, model.Weights, backend, Identified(options.Engine, model, backend), draft?.Source);
            return new Loaded(model, backend, engine, draft, reading);
        }
        catch
        {
            draft?.Dispose();
            backend?.Dispose();
            reading.Wait();
            model.Dispose();
            throw;
        }
    }

    /// <summary>A file for keys and values serves the next start of the same program with the same model on the same kind of machine.</summary>
    static EngineOptions Identified(EngineOptions options, ModelPackage model, IBackend backend) => options.PrefixCache is { StorePath: not null, ModelIdentity: null }
        ? options with
        {
            PrefixCache = options.PrefixCache with
            {
                ModelIdentity = $"{model.Weights.Identity} {typeof(CpuBackend).Module.ModuleVersionId:n} {typeof(IBackend).Module.ModuleVersionId:n} {typeof(ModelPackage).Module.ModuleVersionId:n} {backend.Description} {options.KvFormat}",
            },
        }
        : options;

    /// <summary>A model with all that was made for it.</summary>
    /// <param name="model">The files.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="engine">What schedules.</param>
    /// <param name="draft">What guesses; null for nothing.</param>
    /// <param name="reading">Reads the vocabulary, which takes as long as a plan takes to make, so both are done at once.</param>
    sealed class Loaded(ModelPackage model, IBackend backend, InferenceEngine engine, Draft? draft, Task reading) : IAsyncDisposable
    {
        // Only who wants text waits for the tokenizer and the template, and hears of their faults.
        readonly Lazy<TextGenerator?> _generator = new(() => GeneratorOf(model, engine));

        public ModelPackage Model => model;

        public IBackend Backend => backend;

        public InferenceEngine Engine => engine;

        public TextGenerator? Generator => _generator.Value;

        public async ValueTask DisposeAsync()
        {
            await Task.Run(engine.Dispose).ConfigureAwait(false);
            draft?.Dispose();
            backend.Dispose();
            await reading.ConfigureAwait(false);
            model.Dispose();
        }

        static TextGenerator? GeneratorOf(ModelPackage model, InferenceEngine engine)
        {
            ChatTemplate? template = model.ChatTemplates.Default is { } source ? ChatTemplate.Parse(source) : null;
            return model.Tokenizer is { } tokenizer ? new TextGenerator(engine, tokenizer, template, model.Generation.EosIds) { Pooling = model.Pooling } : null;
        }
    }

    /// <summary>The model that guesses, with a backend of its own.</summary>
    sealed class Draft(ModelPackage model, IBackend backend) : IDisposable
    {
        public DraftSource Source { get; } = new(model.Config, model.Weights, backend);

        public static Draft Open(string path, AutoInferenceOptions options)
        {
            ModelPackage model = ModelPackage.Open(path);
            try
            {
                return new Draft(model, CreateBackend(model, options));
            }
            catch
            {
                model.Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            backend.Dispose();
            model.Dispose();
        }
    }
}
