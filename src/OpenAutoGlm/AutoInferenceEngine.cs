using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Tuning;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Server;

namespace OpenAutoGlm;

/// <summary>
/// A model, ready to answer: found or fetched by name, opened, and put together with a backend and an engine. Owns all
/// of them; disposing it cancels what still runs.
/// </summary>
public sealed class AutoInferenceEngine : IAsyncDisposable
{
    // Only who wants text waits for the tokenizer and the template, and hears of their faults.
    readonly Lazy<TextGenerator?> _generator;

    // A vocabulary takes as long to read as a plan takes to make, so both are done at once.
    readonly Task _reading;

    readonly Draft? _draft;

    AutoInferenceEngine(ModelPackage model, IBackend backend, InferenceEngine engine, Draft? draft, Task reading)
    {
        _draft = draft;
        _reading = reading;
        Model = model;
        Backend = backend;
        Engine = engine;
        _generator = new Lazy<TextGenerator?>(CreateGenerator);
    }

    /// <summary>The model's files.</summary>
    public ModelPackage Model { get; }

    /// <summary>What computes.</summary>
    public IBackend Backend { get; }

    /// <summary>The engine, which knows token ids only.</summary>
    public InferenceEngine Engine { get; }

    /// <summary>Turns requests for text into sequences and back.</summary>
    /// <exception cref="NotSupportedException">The model came without a tokenizer.</exception>
    /// <exception cref="ModelFormatException">The tokenizer contradicts itself or is not supported.</exception>
    /// <exception cref="TemplateException">The chat template cannot be read.</exception>
    public TextGenerator Generator => _generator.Value
        ?? throw new NotSupportedException($"{Model.Path} has no tokenizer, so it cannot be given text: put tokenizer.json or tokenizer.model beside the weights, or give token ids to the engine.");

    /// <summary>Whether the model has a chat template; without one it continues text.</summary>
    public bool CanChat => _generator.Value?.Template is not null;

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
        return Open(path, draft, options);
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

                case ChoiceFinished { Reason: FinishReason.Failed } failed:
                    throw failed.Error as SequenceFailedException ?? new SequenceFailedException("The answer failed.", failed.Error);

                case ChoiceFinished { Reason: FinishReason.Cancelled } cancelled:
                    throw new SequenceCancelledException(cancelled.Cancellation, "The answer was cancelled.");
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

    /// <summary>Serves the model over an OpenAI-compatible API until the token fires or the process is asked to end.</summary>
    /// <param name="host">Address to listen on; 0.0.0.0 lets other machines in.</param>
    /// <param name="port">Port; 0 for a free one.</param>
    /// <param name="cancellation">Ends the serving: running answers may finish.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public async Task DeployAsync(string host = "127.0.0.1", int port = 8000, CancellationToken cancellation = default)
    {
        await using AutoGlmServer server = new(new ServerOptions { Host = host, Port = port }, Served(Model.Name));
        await server.RunAsync(cancellation);
    }

    /// <summary>Cancels what still runs and frees engine, backend and files, in this order.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.Run(Engine.Dispose);
        _draft?.Dispose();
        Backend.Dispose();
        await _reading;
        Model.Dispose();
    }

    TextGenerator? CreateGenerator()
    {
        ChatTemplate? template = Model.ChatTemplates.Default is { } source ? ChatTemplate.Parse(source) : null;
        return Model.Tokenizer is { } tokenizer ? new TextGenerator(Engine, tokenizer, template, Model.Generation.EosIds) { Pooling = Model.Pooling } : null;
    }

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

    static AutoInferenceEngine Open(string path, string? draftPath, AutoInferenceOptions options)
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
            return new AutoInferenceEngine(model, backend, engine, draft, reading);
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
