namespace OpenAutoGlm.Models.Hub;

/// <summary>What a pull is doing.</summary>
public enum HubStage
{
    /// <summary>A file is being fetched.</summary>
    Fetching,

    /// <summary>A file broke off and is tried again after a wait.</summary>
    Retrying,

    /// <summary>Another process is fetching the same file.</summary>
    Waiting,

    /// <summary>A file is in the cache, fetched or found.</summary>
    Done,
}

/// <summary>How far a pull is.</summary>
/// <param name="Stage">What happens to the file.</param>
/// <param name="File">The file's path in the repository.</param>
/// <param name="FileBytes">Bytes of the file that are here.</param>
/// <param name="FileSize">Bytes of the whole file.</param>
/// <param name="TotalBytes">Bytes of all selected files that are here.</param>
/// <param name="TotalSize">Bytes of all selected files.</param>
/// <param name="Reason">Why the file is tried again; null otherwise.</param>
public readonly record struct HubProgress(HubStage Stage, string File, long FileBytes, long FileSize, long TotalBytes, long TotalSize, string? Reason);

/// <summary>Adds up the progress of files that are fetched side by side.</summary>
sealed class ProgressTotal(IProgress<HubProgress>? target, long totalSize, TimeProvider time)
{
    static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    readonly Lock _lock = new();
    readonly Dictionary<string, (long Bytes, long ReportedAt)> _files = [];
    long _total;

    public void Report(HubStage stage, HubFile file, long fileBytes, string? reason = null)
    {
        if (target is null) return;
        HubProgress progress;
        lock (_lock)
        {
            bool isKnown = _files.TryGetValue(file.Path, out (long Bytes, long ReportedAt) last);
            _total += fileBytes - last.Bytes;
            bool isTooSoon = isKnown && stage == HubStage.Fetching && fileBytes < file.Size && time.GetElapsedTime(last.ReportedAt) < Interval;
            _files[file.Path] = (fileBytes, isTooSoon ? last.ReportedAt : time.GetTimestamp());
            if (isTooSoon) return;
            progress = new(stage, file.Path, fileBytes, file.Size, _total, totalSize, reason);
        }

        target.Report(progress);
    }
}
