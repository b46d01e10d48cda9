using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace OpenAutoGlm.Models.Hub;

/// <summary>
/// Brings one file into blobs/. It grows as digest.partial beside its place, is checked whole, and only then gets its
/// name; what is there when a pull ends early is continued by the next.
/// </summary>
sealed class HubDownload(HubConnection connection, HubOptions options, HubReference reference, string revision, string repositoryFolder, HubFile file, ProgressTotal progress)
{
    const int BufferBytes = 1 << 18;
    const int MaxTagLength = 1000;

    string Blob => HubCache.BlobPath(repositoryFolder, file);

    string Partial => Blob + ".partial";

    string Tag => Partial + ".etag";

    string What => $"{file.Path} of {reference}";

    /// <summary>The most bytes that any attempt had, to tell attempts that bring something from those that do not.</summary>
    long _reached;

    public async Task RunAsync(CancellationToken cancellation)
    {
        if (!HubCache.HasBlob(repositoryFolder, file))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Blob)!);
            bool hasWaited = false;
            using FileStream held = await HubCache.LockAsync(repositoryFolder, file.Digest, () =>
            {
                if (!hasWaited) progress.Report(HubStage.Waiting, file, 0);
                hasWaited = true;
            }, options.Time, cancellation).ConfigureAwait(false);

            // Another process may have brought it while this one waited.
            if (!HubCache.HasBlob(repositoryFolder, file)) await FetchAsync(cancellation).ConfigureAwait(false);
        }

        progress.Report(HubStage.Done, file, file.Size);
    }

    async Task FetchAsync(CancellationToken cancellation)
    {
        Uri address = connection.Address(options.FilePattern, reference, revision, file.Path);
        bool hasRestarted = false;
        while (true)
        {
            bool isContinued = await connection.RetryAsync(What, () => AttemptAsync(address, cancellation), () => _reached,
                reason => progress.Report(HubStage.Retrying, file, PartialLength(), reason), cancellation).ConfigureAwait(false);
            string digest = await DigestAsync(cancellation).ConfigureAwait(false);
            if (digest == file.Digest) break;
            Discard();
            if (!isContinued || hasRestarted)
            {
                throw new HubException(HubError.Corrupt,
                    $"{What}: what arrived has the checksum {digest}, the hub's list says {file.Digest}. It was thrown away: pull again, or use another endpoint than {options.Endpoint}.");
            }

            // The parts came from different attempts: one more, all from one piece.
            hasRestarted = true;
            _reached = 0;
            progress.Report(HubStage.Retrying, file, 0, "the checksum of the continued file was wrong");
        }

        File.Move(Partial, Blob, overwrite: true);
        File.Delete(Tag);
    }

    /// <summary>One request, from where the partial file ends; true when an earlier part was continued.</summary>
    async Task<bool> AttemptAsync(Uri address, CancellationToken cancellation)
    {
        long offset = PartialLength();
        if (offset > file.Size)
        {
            Discard();
            offset = 0;
        }

        _reached = Math.Max(_reached, offset);
        if (offset == file.Size && offset > 0) return true;
        EntityTagHeaderValue? tag = ReadTag();
        return await connection.SendAsync(address, What, request =>
        {
            if (offset == 0) return;
            request.Headers.Range = new(offset, null);
            if (tag is { IsWeak: false }) request.Headers.IfRange = new(tag);
        }, CheckAnnouncement, (response, guard) => ReceiveAsync(response, offset, guard), cancellation).ConfigureAwait(false);
    }

    /// <summary>A response that announces other content than the list did need not be read.</summary>
    void CheckAnnouncement(HttpResponseMessage response)
    {
        string? size = Header(response, "X-Linked-Size");
        string? digest = Header(response, "X-Linked-Etag")?.Trim('"');
        bool isOtherSize = long.TryParse(size, out long announced) && announced != file.Size;
        bool isOtherContent = Hex.IsDigest(digest, file.Digest.Length) && digest != file.Digest;
        if (isOtherSize || isOtherContent)
        {
            throw new HubException(HubError.Corrupt,
                $"{What}: the hub announces {(isOtherSize ? $"{size} bytes, its list says {file.Size}" : $"the checksum {digest}, its list says {file.Digest}")}. Pull again, or use another endpoint than {options.Endpoint}.");
        }
    }

    async Task<bool> ReceiveAsync(HttpResponseMessage response, long offset, StallGuard guard)
    {
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            Discard();
            throw new TransientFailure(HubError.Corrupt, "the hub cannot continue the file");
        }

        bool isContinued = response.StatusCode == HttpStatusCode.PartialContent;
        if (isContinued && response.Content.Headers.ContentRange?.From != offset)
        {
            Discard();
            throw new TransientFailure(HubError.Corrupt, $"the hub continued at byte {response.Content.Headers.ContentRange?.From} and not at {offset}");
        }

        if (!isContinued) offset = 0;
        if (response.Content.Headers.ContentLength is { } length && length != file.Size - offset)
        {
            throw new TransientFailure(HubError.Corrupt, $"the hub announces {length} bytes where {file.Size - offset} are missing");
        }

        using FileStream target = Open(isContinued);
        if (!isContinued) WriteTag(response.Headers.ETag);
        using Stream body = await response.Content.ReadAsStreamAsync(guard.Token).ConfigureAwait(false);
        byte[] buffer = new byte[BufferBytes];
        while (true)
        {
            guard.Restart();
            int count = await body.ReadAsync(buffer, guard.Token).ConfigureAwait(false);
            if (count == 0) break;
            if (offset + count > file.Size) throw TooLong();
            Write(target, buffer.AsSpan(0, count));
            offset += count;
            _reached = Math.Max(_reached, offset);
            progress.Report(HubStage.Fetching, file, offset);
        }

        if (offset < file.Size) throw new TransientFailure(HubError.Unreachable, $"the connection ended after {offset} of {file.Size} bytes");
        Sync(target);
        return isContinued && offset > 0;
    }

    TransientFailure TooLong()
    {
        Discard();
        return new(HubError.Corrupt, $"the hub sends more than the {file.Size} bytes of its list");
    }

    FileStream Open(bool isContinued) =>
        OnDisk(() => new FileStream(Partial, isContinued ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0));

    void Write(FileStream target, ReadOnlySpan<byte> bytes)
    {
        try
        {
            target.Write(bytes);
        }
        catch (IOException exception)
        {
            throw DiskFailed(exception);
        }
    }

    void Sync(FileStream target) => OnDisk(() =>
    {
        target.Flush(flushToDisk: true);
        return true;
    });

    /// <summary>Failures of the disk are told from those of the network, which are tried again.</summary>
    T OnDisk<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw DiskFailed(exception);
        }
    }

    HubException DiskFailed(Exception exception) => new(HubError.Cache,
        $"{What}: the cache {repositoryFolder} cannot be written ({exception.Message}). Make room, or set AUTOGLM_CACHE to another folder.", exception);

    async Task<string> DigestAsync(CancellationToken cancellation)
    {
        using FileStream stream = OnDisk(() => new FileStream(Partial, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan));
        using IncrementalHash hash = IncrementalHash.CreateHash(file.IsSha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);

        // Git hashes a blob with its kind and length before it.
        if (!file.IsSha256) hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Size}\0"));
        byte[] buffer = new byte[BufferBytes];
        while (true)
        {
            int count = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false);
            if (count == 0) return Convert.ToHexStringLower(hash.GetCurrentHash());
            hash.AppendData(buffer, 0, count);
        }
    }

    long PartialLength() => new FileInfo(Partial) is { Exists: true } partial ? partial.Length : 0;

    void Discard() => OnDisk(() =>
    {
        File.Delete(Partial);
        File.Delete(Tag);
        return true;
    });

    EntityTagHeaderValue? ReadTag() =>
        File.Exists(Tag) && EntityTagHeaderValue.TryParse(File.ReadAllText(Tag), out EntityTagHeaderValue? tag) ? tag : null;

    void WriteTag(EntityTagHeaderValue? tag) => OnDisk(() =>
    {
        if (tag is null || tag.ToString().Length > MaxTagLength) File.Delete(Tag);
        else File.WriteAllText(Tag, tag.ToString());
        return true;
    });

    static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.First() : null;
}
