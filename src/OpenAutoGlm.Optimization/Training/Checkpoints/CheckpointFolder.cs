using System.Globalization;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Optimization.Training.Checkpoints;

/// <summary>The checkpoints of one run: step-00000500.checkpoint and so on, of which the last few stay.</summary>
public sealed class CheckpointFolder
{
    const string Prefix = "step-";
    const string Suffix = ".checkpoint";

    readonly int _keep;

    /// <summary>A folder; it is made when the first checkpoint is written.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="keep">How many checkpoints stay, at least 1. Two or more outlive damage to the last one.</param>
    public CheckpointFolder(string path, int keep = 2)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        (Path, _keep) = (path, keep);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The checkpoints that are there, oldest first.</summary>
    public IReadOnlyList<string> Files => !Directory.Exists(Path) ? [] :
    [
        .. Directory.EnumerateFiles(Path, $"{Prefix}*{Suffix}")
            .Select(file => (File: file, Step: StepOf(file)))
            .Where(found => found.Step >= 0)
            .OrderBy(found => found.Step)
            .Select(found => found.File),
    ];

    /// <summary>Writes a checkpoint, then deletes those that are too many.</summary>
    /// <returns>The file.</returns>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; earlier checkpoints stay.</exception>
    public string Save(TrainingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Directory.CreateDirectory(Path);
        string file = System.IO.Path.Combine(Path, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{state.Progress.Steps:00000000}{Suffix}"));
        CheckpointFile.Write(file, state);
        foreach (string old in Files.SkipLast(_keep))
        {
            File.Delete(old);
        }

        return file;
    }

    /// <summary>The latest state that can be read; null where there is none.</summary>
    /// <param name="damaged">Told of every checkpoint that is passed over because it cannot be read.</param>
    public TrainingState? Latest(Action<string>? damaged = null)
    {
        foreach (string file in Files.Reverse())
        {
            try
            {
                return CheckpointFile.Read(file);
            }
            catch (Exception failed) when (failed is ModelFormatException or IOException)
            {
                damaged?.Invoke($"{failed.Message} The checkpoint before it is used.");
            }
        }

        return null;
    }

    static long StepOf(string file)
    {
        string name = System.IO.Path.GetFileName(file)[Prefix.Length..^Suffix.Length];
        return long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1;
    }
}
