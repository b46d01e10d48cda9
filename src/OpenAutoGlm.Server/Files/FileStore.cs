using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Files;

/// <summary>
/// The files of all clients, and how much room they take. A file is two blobs, its bytes and then what is known of it, so that
/// one without the other is the rest of a crash.
/// </summary>
sealed class FileStore
{
    /// <summary>Most files at a time.</summary>
    public const int MostFiles = 10_000;

    readonly ConcurrentDictionary<string, StoredFile> _files = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, int> _used = new(StringComparer.Ordinal); // how many batches read a file
    readonly ServerOptions _options;
    long _bytes;

    /// <summary>Finds what is there.</summary>
    public FileStore(IBlobs blobs, ServerOptions options)
    {
        Blobs = blobs;
        _options = options;
        HashSet<string> names = [.. blobs.Names];
        foreach (string name in names.Where(name => name.StartsWith("file-", StringComparison.Ordinal)))
        {
            string id = Path.GetFileNameWithoutExtension(name);
            if (name.EndsWith(".json", StringComparison.Ordinal) && names.Contains(id + ".data") && Load(name) is { } file && file.Id == id)
            {
                _files[id] = file;
                _bytes += file.Bytes;
            }
            else if (!names.Contains(id + ".json"))
            {
                blobs.Delete(name);
            }
        }
    }

    public IBlobs Blobs { get; }

    /// <summary>Bytes of all files, and of what is being written.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public static string NewId() => "file-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>All files that are there, the newest first.</summary>
    public IReadOnlyList<StoredFile> List() =>
        [.. _files.Values.Where(IsThere).OrderByDescending(file => file.CreatedAt).ThenByDescending(file => file.Id, StringComparer.Ordinal)];

    /// <exception cref="ApiException">There is no such file.</exception>
    public StoredFile Find(string id) => _files.TryGetValue(id, out StoredFile? file) && IsThere(file) ? file : throw new ApiException(ApiError.NotFound("file", id));

    /// <summary>Whether there is such a file.</summary>
    public bool Has(string id) => _files.ContainsKey(id);

    /// <summary>The bytes of a file.</summary>
    /// <exception cref="ApiException">There is no such file.</exception>
    public Stream Open(StoredFile file) => Blobs.OpenRead(file.DataName) ?? throw new ApiException(ApiError.NotFound("file", file.Id));

    /// <summary>Sets room aside, or refuses to.</summary>
    /// <exception cref="ApiException">There is no more room.</exception>
    public void Reserve(long bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) > _options.FilesBytes)
        {
            Interlocked.Add(ref _bytes, -bytes);
            throw new ApiException(ApiError.NoRoomForFiles(_options.FilesBytes));
        }
    }

    /// <summary>Gives room back.</summary>
    public void Release(long bytes) => Interlocked.Add(ref _bytes, -bytes);

    /// <summary>Makes a file of bytes that are in their place already and have their room.</summary>
    /// <exception cref="ApiException">There are too many files.</exception>
    public async Task<StoredFile> AddAsync(StoredFile file)
    {
        if (_files.Count >= MostFiles)
        {
            throw new ApiException(ApiError.TooManyFiles(MostFiles));
        }

        await Blobs.WriteAsync(file.StateName, stream => JsonSerializer.SerializeAsync(stream, file, FilesJson.Wire.StoredFile));
        _files[file.Id] = file;
        return file;
    }

    /// <summary>Deletes a file.</summary>
    /// <exception cref="ApiException">There is no such file, or a batch reads it.</exception>
    public void Delete(string id)
    {
        StoredFile file = Find(id);
        if (_used.GetValueOrDefault(id) > 0)
        {
            throw new ApiException(ApiError.Conflict("A batch that has not ended reads this file; cancel it first."));
        }

        Remove(file);
    }

    /// <summary>Keeps a file from being deleted, until <see cref="Unuse"/>.</summary>
    public void Use(string id) => _used.AddOrUpdate(id, 1, (_, count) => count + 1);

    /// <inheritdoc cref="Use"/>
    public void Unuse(string id) => _used.AddOrUpdate(id, 0, (_, count) => count - 1);

    bool IsThere(StoredFile file)
    {
        if (file.ExpiresAt is { } end && end <= _options.TimeProvider.GetUtcNow().ToUnixTimeSeconds() && _used.GetValueOrDefault(file.Id) <= 0)
        {
            Remove(file);
            return false;
        }

        return true;
    }

    void Remove(StoredFile file)
    {
        if (_files.TryRemove(file.Id, out _))
        {
            Blobs.Delete(file.StateName);
            Blobs.Delete(file.DataName);
            Release(file.Bytes);
        }
    }

    StoredFile? Load(string name)
    {
        using Stream? stream = Blobs.OpenRead(name);
        try
        {
            return stream is null ? null : JsonSerializer.Deserialize(stream, FilesJson.Wire.StoredFile);
        }
        catch (JsonException)
        {
            // Written whole or not at all by us: somebody else has been here, and the file is none of ours.
            return null;
        }
    }
}
