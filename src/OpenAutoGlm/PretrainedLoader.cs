using System.Text;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm;

/// <summary>Loads a model by name for a server that holds several, as <see cref="AutoInferenceEngine"/> loads it for a program.</summary>
public sealed class PretrainedLoader : IModelLoader
{
    const long LeastKvBytes = 64 << 20;

    readonly string _name;
    readonly AutoInferenceOptions _options;
    Prepared? _prepared;

    /// <summary>A loader. A model that is here is looked at, but its weights are not; a faulty one tells its fault when it is loaded.</summary>
    /// <param name="nameOrPath">A GGUF file, a model folder, autoglm-nano, organisation/model on the hub, or synth:SHAPE[:FORMAT].</param>
    /// <param name="options">How to find and run it.</param>
    /// <param name="sharedMemoryBytes">
    /// What all models of the server may take together; null for no limit. Keys and values for which <see cref="EngineOptions.KvMemoryBytes"/>
    /// says nothing then take at most a quarter of what it leaves beside the weights, but 64 MiB in any case.
    /// </param>
    public PretrainedLoader(string nameOrPath, AutoInferenceOptions? options = null, long? sharedMemoryBytes = null)
    {
        _name = nameOrPath;
        _options = options ?? new AutoInferenceOptions();
        Source = nameOrPath;
        SharedMemoryBytes = sharedMemoryBytes;
        Known = ModelName.Parse(nameOrPath) switch
        {
            ModelName.Path path when Path.Exists(path.Value) => Glance(path.Value),
            ModelName.BuiltIn when BuiltInModel.IsHere => Glance(BuiltInModel.Path),
            _ => null,
        };
    }

    /// <inheritdoc/>
    public string Source { get; init; }

    /// <summary>What all models of the server may take together.</summary>
    public long? SharedMemoryBytes { get; }

    /// <summary>Put into the name of the file for keys and values, of which every model needs its own; null to leave that name alone.</summary>
    public string? StoreName { get; init; }

    /// <summary>Told of every engine that was made, before it serves.</summary>
    public Action<AutoInferenceEngine>? Opened { get; init; }

    /// <summary>Told how far loads are, from any thread.</summary>
    public Action<LoadProgress>? Progressed { get; init; }

    /// <inheritdoc/>
    public ModelFacts? Known { get; }

    /// <inheritdoc/>
    public IModelLoader At(string path) => new PretrainedLoader(path, _options, SharedMemoryBytes)
    {
        StoreName = $"{StoreName}{(StoreName is null ? "" : "-")}{Path.GetFileNameWithoutExtension(path)}",
        Opened = Opened,
        Progressed = Progressed,
    };

    /// <inheritdoc/>
    public async Task<ModelFacts> PrepareAsync(IProgress<LoadProgress> progress, CancellationToken cancellation)
    {
        Tell(progress, new LoadProgress("looking"));
        Prepared prepared = await Task.Run(() => FindAsync(progress, cancellation), cancellation);
        _prepared = prepared;
        return prepared.Facts;
    }

    /// <inheritdoc/>
    public async Task<LoadedModel> LoadAsync(IProgress<LoadProgress> progress, CancellationToken cancellation)
    {
        Prepared prepared = _prepared ?? throw new InvalidOperationException("A model is prepared before it is loaded.");
        Tell(progress, new LoadProgress("weights"));
        AutoInferenceEngine engine = await Task.Run(() => OpenAsync(prepared, progress, cancellation), cancellation);
        try
        {
            cancellation.ThrowIfCancellationRequested();
            Tell(progress, new LoadProgress("tokenizer"));
            LoadedModel loaded = await Task.Run(() => new LoadedModel(engine.Generator, prepared.WeightBytes + engine.Engine.KvBytes, engine)
            {
                Created = prepared.Facts.Created,
                Description = engine.Backend.Description,
            }, cancellation);
            Opened?.Invoke(engine);
            return loaded;
        }
        catch
        {
            await engine.DisposeAsync();
            throw;
        }
    }

    async Task<Prepared> FindAsync(IProgress<LoadProgress> progress, CancellationToken cancellation)
    {
        Fetching fetching = new(this, progress);
        string path = await ModelLocator.LocateAsync(_name, _options.Hub, fetching, cancellation);
        string? draft = _options.DraftModel is { } name ? await ModelLocator.LocateAsync(name, _options.Hub, fetching, cancellation) : null;
        return LookAt(path, draft);
    }

    Task<AutoInferenceEngine> OpenAsync(Prepared prepared, IProgress<LoadProgress> progress, CancellationToken cancellation)
    {
        AutoInferenceOptions options = _options with
        {
            DraftModel = prepared.Draft,
            Engine = prepared.Engine,
            Cpu = _options.Cpu with
            {
                Making = (done, total) =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    Tell(progress, new LoadProgress("weights", (double)done / total));
                },
            },
        };
        return AutoInferenceEngine.FromPretrainedAsync(prepared.Path, options, progress: null, cancellation);
    }

    /// <summary>Reads the heads of the files, and settles what the engine will take.</summary>
    Prepared LookAt(string path, string? draft)
    {
        using ModelPackage package = ModelPackage.Open(path);
        long weightBytes = WeightBytes(package);
        if (draft is not null)
        {
            using ModelPackage guesser = ModelPackage.Open(draft);
            weightBytes += WeightBytes(guesser);
        }

        EngineOptions engine = _options.Engine;
        KvSize size = KvSize.Of(package.Config, engine);
        if (SharedMemoryBytes is { } shared && engine.KvMemoryBytes is null)
        {
            engine = engine with { KvMemoryBytes = Math.Min(size.Bytes, Math.Max(LeastKvBytes, (shared - weightBytes) / 4)) };
            size = KvSize.Of(package.Config, engine);
        }

        if (StoreName is { } name && engine.PrefixCache.StorePath is { } store)
        {
            engine = engine with { PrefixCache = engine.PrefixCache with { StorePath = NamedFile(store, name) } };
        }

        ModelFacts facts = new(weightBytes + size.Bytes, size.ContextLength, new DateTimeOffset(File.GetLastWriteTimeUtc(path)));
        return new Prepared(path, draft, engine, weightBytes, facts);
    }

    ModelFacts? Glance(string path)
    {
        try
        {
            return LookAt(path, draft: null).Facts;
        }
        catch (Exception error) when (error is ModelFormatException or NotSupportedException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null; // Its fault is told when it is loaded.
        }
    }

    void Tell(IProgress<LoadProgress> progress, LoadProgress value)
    {
        progress.Report(value);
        Progressed?.Invoke(value);
    }

    static long WeightBytes(ModelPackage package) => package.Weights.Stored.Sum(tensor => tensor.Bytes);

    /// <summary>kv.bin of glm-4 is kv-glm-4.bin. A name that no file can have gets one that no other name has.</summary>
    internal static string NamedFile(string path, string name)
    {
        string harmless = string.Concat(name.Select(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '-'));
        string part = harmless == name && name.Length <= 100 ? name : $"{harmless[..Math.Min(harmless.Length, 100)]}-{ContentSum.Of(Encoding.UTF8.GetBytes(name)):x16}";
        return Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}-{part}{Path.GetExtension(path)}");
    }

    /// <summary>Where a model is and what it will take.</summary>
    sealed record Prepared(string Path, string? Draft, EngineOptions Engine, long WeightBytes, ModelFacts Facts);

    sealed class Fetching(PretrainedLoader loader, IProgress<LoadProgress> progress) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) =>
            loader.Tell(progress, new LoadProgress("fetching", value.TotalSize > 0 ? (double)value.TotalBytes / value.TotalSize : null));
    }
}
