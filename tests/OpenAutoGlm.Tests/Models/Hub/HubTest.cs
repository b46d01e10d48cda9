namespace OpenAutoGlm.Models.Hub;

/// <summary>A loopback hub with one model, and a cache that is thrown away.</summary>
public abstract class HubTest : IAsyncLifetime
{
    internal static readonly HubReference Reference = HubReference.Parse("org/model");

    readonly string _folder = Directory.CreateTempSubdirectory("hub-test-").FullName;

    internal LoopbackHub Hub { get; } = new();

    internal byte[] Weights { get; } = Bytes(300_000, seed: 1);

    internal HubOptions Options => new()
    {
        Endpoint = Hub.Address,
        CacheFolder = _folder,
        StallTimeout = TimeSpan.FromSeconds(10),
        RetryDelay = TimeSpan.FromMilliseconds(1),
        LongestRetryDelay = TimeSpan.FromSeconds(2),
        Attempts = 3,
        Seed = 1,
    };

    internal string RepositoryFolder => Path.Combine(_folder, "models--org--model");

    internal string BlobPath => Path.Combine(RepositoryFolder, "blobs", LoopbackHub.Sha256(Weights));

    internal static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        Hub.Files["model.safetensors"] = Weights;
        Hub.Files["config.json"] = "{}"u8.ToArray();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await Hub.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    internal async Task<HubSnapshot> PullAsync(HubOptions? options = null, HubSelection? selection = null, IProgress<HubProgress>? progress = null,
        HubReference? reference = null, CancellationTokenSource? source = null)
    {
        using HubClient client = new(options ?? Options);
        return await client.PullAsync(reference ?? Reference, selection ?? HubSelection.Default, progress, source?.Token ?? Cancellation);
    }

    internal async Task<HubException> FailAsync(HubError error, HubOptions? options = null, HubSelection? selection = null)
    {
        HubException exception = await Assert.ThrowsAsync<HubException>(() => PullAsync(options, selection));
        Assert.True(error == exception.Error, $"{exception.Error}: {exception.Message}");
        Assert.Contains("org/model", exception.Message);
        return exception;
    }

    internal void AssertWeightsAreWhole(HubSnapshot snapshot)
    {
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
        Assert.Empty(Directory.GetFiles(Path.Combine(RepositoryFolder, "blobs"), "*.partial*"));
    }

    internal static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}

/// <summary>Collects progress on the thread that reports it.</summary>
sealed class ProgressList : IProgress<HubProgress>
{
    readonly Lock _lock = new();
    readonly List<HubProgress> _reports = [];

    public List<HubProgress> Reports
    {
        get
        {
            lock (_lock) return [.. _reports];
        }
    }

    public Action<HubProgress>? OnReport { get; init; }

    public void Report(HubProgress value)
    {
        lock (_lock) _reports.Add(value);
        OnReport?.Invoke(value);
    }
}
