namespace OpenAutoGlm.Server.Models;

/// <summary>What is in the memory of a machine that has none: who takes how much, from the call of a loader until it is freed.</summary>
sealed class FakeMachine
{
    public List<FakeModel> Models { get; } = [];

    public List<FakeCall> Calls { get; } = [];

    /// <summary>Models that are being loaded or are there.</summary>
    public long UsedBytes => Models.Where(model => model.Disposals == 0 && !model.Failed).Sum(model => model.Bytes);

    public FakeCall Call(string loader, bool isLoad) => Assert.Single(Calls, call => call.Loader.Source == loader && call.IsLoad == isLoad);
}

/// <summary>A loader that does what a test says, when it says so.</summary>
sealed class FakeLoader(FakeMachine machine, string source, long bytes) : IModelLoader
{
    public string Source => source;

    public ModelFacts? Known => null;

    /// <summary>Whether preparing and loading are done as soon as they are asked for.</summary>
    public bool IsInstant { get; init; }

    /// <summary>What it says that it takes.</summary>
    public long ToldBytes { get; set; } = bytes;

    public long Bytes { get; } = bytes;

    public Exception? Fault { get; set; }

    public int Loads { get; private set; }

    public Task<ModelFacts> PrepareAsync(IProgress<LoadProgress> progress, CancellationToken cancellation)
    {
        progress.Report(new LoadProgress("looking"));
        FakeCall call = new(machine, this, isLoad: false, null, cancellation);
        return call.Prepared;
    }

    public Task<LoadedModel> LoadAsync(IProgress<LoadProgress> progress, CancellationToken cancellation)
    {
        Loads++;
        progress.Report(new LoadProgress("weights", 0.5));
        FakeModel model = new(this, Loads);
        machine.Models.Add(model);
        return new FakeCall(machine, this, isLoad: true, model, cancellation).Loaded;
    }

    public IModelLoader At(string path) => new FakeLoader(machine, path, Bytes) { IsInstant = IsInstant };
}

/// <summary>A loader's work that was asked for and is not done yet.</summary>
sealed class FakeCall
{
    readonly FakeMachine _machine;
    readonly FakeModel? _model;
    readonly TaskCompletionSource<ModelFacts> _prepared = new();
    readonly TaskCompletionSource<LoadedModel> _loaded = new();

    public FakeCall(FakeMachine machine, FakeLoader loader, bool isLoad, FakeModel? model, CancellationToken cancellation)
    {
        (_machine, Loader, IsLoad, _model, Cancellation) = (machine, loader, isLoad, model, cancellation);
        machine.Calls.Add(this);
        if (loader.IsInstant)
        {
            Finish();
        }
    }

    public FakeLoader Loader { get; }

    public bool IsLoad { get; }

    public CancellationToken Cancellation { get; }

    public Task<ModelFacts> Prepared => _prepared.Task;

    public Task<LoadedModel> Loaded => _loaded.Task;

    /// <summary>Does it, or fails as the loader is told to.</summary>
    public void Finish(Exception? fault = null)
    {
        _machine.Calls.Remove(this);
        if ((fault ?? Loader.Fault) is { } error)
        {
            _model?.Failed = true;
            _prepared.TrySetException(error);
            _loaded.TrySetException(error);
        }
        else if (IsLoad)
        {
            _loaded.SetResult(new LoadedModel(_model!, 64, _model!.Bytes, _model));
        }
        else
        {
            _prepared.SetResult(new ModelFacts(Loader.ToldBytes, 64));
        }
    }
}

/// <summary>A model in memory that notes whether it is treated as it should be.</summary>
sealed class FakeModel(FakeLoader loader, int number) : ITextSource, IAsyncDisposable
{
    public FakeLoader Loader => loader;

    public string Name => $"{loader.Source}#{number}";

    public long Bytes => loader.Bytes;

    public int Disposals { get; private set; }

    public bool Failed { get; set; }

    /// <summary>Requests of the test that hold it.</summary>
    public int Rented { get; set; }

    public ITextRun Start(Engine.Generation.GenerationRequest request, CancellationToken cancellation) =>
        Disposals == 0 ? new ScriptedSource { Pieces = [Name] }.Start(request, cancellation) : throw new ObjectDisposedException(Name);

    public ValueTask DisposeAsync()
    {
        Disposals++;
        Assert.Equal(1, Disposals);
        Assert.Equal(0, Rented);
        return ValueTask.CompletedTask;
    }
}
