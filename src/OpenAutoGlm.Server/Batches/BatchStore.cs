using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>All batches and how far they are. Every change is kept before it is told.</summary>
sealed class BatchStore
{
    /// <summary>Most batches; of those that ended, the oldest is forgotten first.</summary>
    public const int MostBatches = 1000;

    readonly ConcurrentDictionary<string, Batch> _batches = new(StringComparer.Ordinal);
    readonly SemaphoreSlim _writing = new(1);
    readonly IBlobs _blobs;

    public BatchStore(IBlobs blobs)
    {
        _blobs = blobs;
        foreach (string name in blobs.Names.Where(name => name.StartsWith("batch_", StringComparison.Ordinal) && name.EndsWith(".json", StringComparison.Ordinal)))
        {
            if (Load(name) is { } batch && batch.StateName == name)
            {
                _batches[batch.Id] = batch;
            }
        }
    }

    public static string NewId() => "batch_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>All of them, the newest first.</summary>
    public IReadOnlyList<Batch> List() => [.. _batches.Values.OrderByDescending(batch => batch.CreatedAt).ThenByDescending(batch => batch.Id, StringComparer.Ordinal)];

    /// <exception cref="ApiException">There is no such batch.</exception>
    public Batch Find(string id) => _batches.GetValueOrDefault(id) ?? throw new ApiException(ApiError.NotFound("batch", id));

    /// <summary>Takes a new batch in.</summary>
    /// <exception cref="ApiException">There are too many that have not ended.</exception>
    public async Task AddAsync(Batch batch)
    {
        if (_batches.Count >= MostBatches)
        {
            Batch oldest = List().LastOrDefault(other => other.HasEnded)
                ?? throw new ApiException(ApiError.TooManyRequests($"{MostBatches} batches run or wait, the most there may be."));
            _batches.TryRemove(oldest.Id, out _);
            _blobs.Delete(oldest.StateName);
        }

        await KeepAsync(batch);
        _batches[batch.Id] = batch;
    }

    /// <summary>Changes a batch; what is changed is what is there at that moment.</summary>
    /// <returns>What it is now.</returns>
    public async Task<Batch> ChangeAsync(string id, Func<Batch, Batch> change)
    {
        await _writing.WaitAsync();
        try
        {
            Batch before = Find(id);
            Batch after = change(before);
            if (!ReferenceEquals(before, after))
            {
                await KeepAsync(after);
                _batches[id] = after;
            }

            return after;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Notes how many requests are done. That is found again by the results, so it is not kept.</summary>
    public void Count(string id, RequestCounts counts)
    {
        if (_batches.TryGetValue(id, out Batch? batch))
        {
            _batches.TryUpdate(id, batch with { RequestCounts = counts }, batch);
        }
    }

    Task KeepAsync(Batch batch) => _blobs.WriteAsync(batch.StateName, stream => JsonSerializer.SerializeAsync(stream, batch, BatchJson.Wire.Batch));

    Batch? Load(string name)
    {
        using Stream? stream = _blobs.OpenRead(name);
        try
        {
            return stream is null ? null : JsonSerializer.Deserialize(stream, BatchJson.Wire.Batch);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
