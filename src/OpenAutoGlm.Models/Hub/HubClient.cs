using System.Text.Json;

namespace OpenAutoGlm.Models.Hub;

/// <summary>
/// Fetches models from a hub into the cache. A pull can be broken off at any point and continued; several processes may
/// pull the same model; every file is checked against the checksum of the hub's list.
/// </summary>
public sealed class HubClient : IDisposable
{
    readonly HubOptions _options;
    readonly HubConnection _connection;

    /// <summary>A client for the hub and the cache of the options.</summary>
    public HubClient(HubOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _connection = new(options);
        Cache = new(options.CacheFolder);
    }

    /// <summary>The cache that models are fetched into.</summary>
    public HubCache Cache { get; }

    /// <summary>Ends the connections.</summary>
    public void Dispose() => _connection.Dispose();

    /// <summary>Brings the selected files of a model into the cache; those that are there already cost nothing.</summary>
    /// <returns>The folder with the files.</returns>
    /// <exception cref="HubException">The model could not be fetched; the message says why and what helps.</exception>
    /// <exception cref="OperationCanceledException">The pull was cancelled; what was fetched is kept.</exception>
    public async Task<HubSnapshot> PullAsync(HubReference reference, HubSelection selection, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(selection);
        if (_options.IsOffline) return Cache.Resolve(reference, selection);
        string commit = await CommitAsync(reference, cancellation).ConfigureAwait(false);
        List<HubFile> listing = await ListAsync(reference, commit, cancellation).ConfigureAwait(false);
        List<HubFile> files = selection.Choose(listing, reference);
        string repositoryFolder = Cache.RepositoryFolder(reference);
        try
        {
            CheckRoom(files, repositoryFolder, reference);
            HubCache.WriteListing(repositoryFolder, commit, listing);
            ProgressTotal total = new(progress, files.Sum(file => file.Size), _options.Time);
            ParallelOptions parallel = new() { MaxDegreeOfParallelism = Math.Max(1, _options.ParallelFiles), CancellationToken = cancellation };
            await Parallel.ForEachAsync(files, parallel, async (file, stop) =>
            {
                HubDownload download = new(_connection, _options, reference, commit, repositoryFolder, file, total);
                await download.RunAsync(stop).ConfigureAwait(false);
                HubCache.Link(repositoryFolder, commit, file);
            }).ConfigureAwait(false);
            HubCache.WriteReference(repositoryFolder, reference, commit);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HubException(HubError.Cache,
                $"{reference}: the cache {repositoryFolder} cannot be used ({exception.Message}). Make room, or set AUTOGLM_CACHE to another folder.", exception);
        }

        return new(reference.Repository, commit, HubCache.SnapshotFolder(repositoryFolder, commit), files);
    }

    /// <summary>The commit a revision stands for, so that all files come from one state of the repository.</summary>
    async Task<string> CommitAsync(HubReference reference, CancellationToken cancellation)
    {
        if (reference.IsCommit || _options.RevisionPattern is null) return reference.Revision;
        Uri address = _connection.Address(_options.RevisionPattern, reference, reference.Revision);
        (JsonDocument document, _) = await _connection.GetJsonAsync(address, reference.ToString(), cancellation).ConfigureAwait(false);
        using (document)
        {
            bool hasCommit = document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("sha", out JsonElement sha) && sha.ValueKind == JsonValueKind.String
                && Hex.IsDigest(sha.GetString(), Hex.Sha1Digits);
            return hasCommit
                ? document.RootElement.GetProperty("sha").GetString()!
                : throw new HubException(HubError.Corrupt, $"{reference}: the hub does not say which commit {reference.Revision} is. Check the endpoint {_options.Endpoint}.");
        }
    }

    async Task<List<HubFile>> ListAsync(HubReference reference, string commit, CancellationToken cancellation)
    {
        const int MaxPages = 1000;
        List<HubFile> files = [];
        Uri? address = _connection.Address(_options.ListingPattern, reference, commit);
        for (int page = 0; address is not null; page++)
        {
            if (page == MaxPages) throw new HubException(HubError.Corrupt, $"The list of files of {reference} does not end.");
            (JsonDocument document, Uri? next) = await _connection.GetJsonAsync(address, $"the list of files of {reference}", cancellation).ConfigureAwait(false);
            using (document) HubListing.Add(document.RootElement, reference.Repository, files);
            address = next;
        }

        HubListing.CheckPaths(files, reference.Repository);
        return files;
    }

    static void CheckRoom(List<HubFile> files, string repositoryFolder, HubReference reference)
    {
        Directory.CreateDirectory(repositoryFolder);
        long missing = files.Where(file => !HubCache.HasBlob(repositoryFolder, file)).DistinctBy(file => file.Digest)
            .Sum(file => file.Size - (new FileInfo(HubCache.BlobPath(repositoryFolder, file) + ".partial") is { Exists: true } partial ? Math.Min(partial.Length, file.Size) : 0));
        long free = new DriveInfo(repositoryFolder).AvailableFreeSpace;
        if (missing > free)
        {
            throw new HubException(HubError.Cache, $"{reference} needs {missing} more bytes and {repositoryFolder} has room for {free}. Make room, or set AUTOGLM_CACHE to another folder.");
        }
    }
}
