using System.Text.Json;

namespace OpenAutoGlm.Models.Hub;

/// <summary>
/// Models on disk, shared by processes. Contents lie once under their checksum in blobs/; snapshots/commit/ has them
/// under their names, as links; refs/ says which commit a branch was; listings/ what each commit consists of. Every file
/// appears whole or not at all: it is written beside its place and renamed.
/// </summary>
public sealed class HubCache
{
    const string RepositoryPrefix = "models--";
    const int LinuxWouldBlock = 11;
    const int MacWouldBlock = 35;
    const int WindowsSharingViolation = unchecked((int)0x80070020);

    /// <summary>A cache in a folder, which need not exist yet.</summary>
    public HubCache(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Folder = Path.GetFullPath(folder);
    }

    /// <summary>The folder of the cache.</summary>
    public string Folder { get; }

    /// <summary>Every snapshot in the cache, with the files of it that are there.</summary>
    public IReadOnlyList<HubSnapshot> List()
    {
        if (!Directory.Exists(Folder)) return [];
        List<HubSnapshot> snapshots = [];
        foreach (string repositoryFolder in Directory.EnumerateDirectories(Folder, RepositoryPrefix + "*").Order(StringComparer.Ordinal))
        {
            string repository = Path.GetFileName(repositoryFolder)[RepositoryPrefix.Length..].Replace("--", "/");
            string listings = Path.Combine(repositoryFolder, "listings");
            if (!Directory.Exists(listings)) continue;
            foreach (string listing in Directory.EnumerateFiles(listings, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                string commit = Path.ChangeExtension(Path.GetRelativePath(listings, listing), null).Replace(Path.DirectorySeparatorChar, '/');
                string folder = SnapshotFolder(repositoryFolder, commit);
                List<HubFile>? files = ReadListing(repositoryFolder, commit, repository);
                if (files is not null && Directory.Exists(folder)) snapshots.Add(new(repository, commit, folder, [.. files.Where(file => IsThere(folder, file))]));
            }
        }

        return snapshots;
    }

    /// <summary>The snapshot of a reference as it was last pulled, without the network.</summary>
    /// <exception cref="HubException">The model or some of the selected files are not in the cache.</exception>
    public HubSnapshot Resolve(HubReference reference, HubSelection? selection = null)
    {
        ArgumentNullException.ThrowIfNull(reference);
        string repositoryFolder = RepositoryFolder(reference);
        string? commit = ReadCommit(repositoryFolder, reference);
        List<HubFile>? listing = commit is null ? null : ReadListing(repositoryFolder, commit, reference.Repository);
        if (commit is null || listing is null)
        {
            throw new HubException(HubError.Offline, $"{reference} is not in the cache {Folder}: pull it once with the network.");
        }

        string folder = SnapshotFolder(repositoryFolder, commit);
        List<HubFile> files = (selection ?? HubSelection.Default).Choose(listing, reference);
        HubFile[] missing = [.. files.Where(file => !IsThere(folder, file))];
        if (missing.Length > 0)
        {
            throw new HubException(HubError.Offline,
                $"{reference} is only partly in the cache {Folder}: pull {string.Join(", ", missing.Select(file => file.Path))} with the network.");
        }

        return new(reference.Repository, commit, folder, files);
    }

    internal string RepositoryFolder(HubReference reference) => Path.Combine(Folder, reference.FolderName);

    internal static string SnapshotFolder(string repositoryFolder, string commit) =>
        Path.Combine(repositoryFolder, "snapshots", commit.Replace("/", "--"));

    internal static string BlobPath(string repositoryFolder, HubFile file) => Path.Combine(repositoryFolder, "blobs", file.Digest);

    /// <summary>Whether the content of a file is in the cache. It got its name only after its checksum was right.</summary>
    internal static bool HasBlob(string repositoryFolder, HubFile file) =>
        new FileInfo(BlobPath(repositoryFolder, file)) is { Exists: true } blob && blob.Length == file.Size;

    /// <summary>Holds the right to write a blob, waiting for other processes. The system frees it when its holder dies.</summary>
    internal static async Task<FileStream> LockAsync(string repositoryFolder, string name, Action onWait, TimeProvider time, CancellationToken cancellation)
    {
        string folder = Path.Combine(repositoryFolder, "locks");
        Directory.CreateDirectory(folder);
        TimeSpan pause = TimeSpan.FromMilliseconds(50);
        while (true)
        {
            try
            {
                return new(Path.Combine(folder, name + ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException exception) when (exception.HResult is LinuxWouldBlock or MacWouldBlock or WindowsSharingViolation)
            {
                onWait();
            }

            await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Puts a file under its name into a snapshot: as a link, or as a copy where there are no links.</summary>
    internal static void Link(string repositoryFolder, string commit, HubFile file)
    {
        string snapshot = SnapshotFolder(repositoryFolder, commit);
        string path = Path.Combine(snapshot, file.Path);
        string blob = BlobPath(repositoryFolder, file);
        string folder = Path.GetDirectoryName(path)!;
        string target = Path.GetRelativePath(folder, blob);
        if (new FileInfo(path).LinkTarget == target) return;
        Directory.CreateDirectory(folder);
        string temporary = TemporaryPath(path);
        try
        {
            File.CreateSymbolicLink(temporary, target);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            File.Copy(blob, temporary);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Remembers what a commit consists of.</summary>
    internal static void WriteListing(string repositoryFolder, string commit, IEnumerable<HubFile> files) =>
        WriteWhole(ListingPath(repositoryFolder, commit), HubListing.Write(files));

    /// <summary>Remembers which commit a branch or tag is.</summary>
    internal static void WriteReference(string repositoryFolder, HubReference reference, string commit)
    {
        if (reference.Revision != commit) WriteWhole(ReferencePath(repositoryFolder, reference), System.Text.Encoding.ASCII.GetBytes(commit));
    }

    static string? ReadCommit(string repositoryFolder, HubReference reference)
    {
        string path = ReferencePath(repositoryFolder, reference);
        if (File.Exists(path))
        {
            string commit = File.ReadAllText(path).Trim();
            if (Hex.IsDigest(commit, Hex.Sha1Digits)) return commit;
        }

        return File.Exists(ListingPath(repositoryFolder, reference.Revision)) ? reference.Revision : null;
    }

    static List<HubFile>? ReadListing(string repositoryFolder, string commit, string repository)
    {
        string path = ListingPath(repositoryFolder, commit);
        if (!File.Exists(path)) return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            List<HubFile> files = [];
            HubListing.Add(document.RootElement, repository, files);
            return files;
        }
        catch (Exception exception) when (exception is JsonException or IOException or HubException)
        {
            return null;
        }
    }

    static bool IsThere(string folder, HubFile file)
    {
        FileSystemInfo? target = new FileInfo(Path.Combine(folder, file.Path));
        if (target.LinkTarget is not null) target = target.ResolveLinkTarget(returnFinalTarget: true);
        return target is FileInfo { Exists: true } content && content.Length == file.Size;
    }

    static string ListingPath(string repositoryFolder, string commit) => Path.Combine(repositoryFolder, "listings", commit + ".json");

    static string ReferencePath(string repositoryFolder, HubReference reference) => Path.Combine(repositoryFolder, "refs", reference.Revision);

    static void WriteWhole(string path, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = TemporaryPath(path);
        using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    static string TemporaryPath(string path) => $"{path}.{Guid.NewGuid():N}.tmp";
}
