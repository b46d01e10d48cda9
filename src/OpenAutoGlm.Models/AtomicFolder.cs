namespace OpenAutoGlm.Models;

/// <summary>Writes a folder so that its name holds the whole content or is not there.</summary>
static class AtomicFolder
{
    /// <summary>Fills a folder beside <paramref name="path"/> and renames it when it is whole.</summary>
    /// <param name="path">The folder; it may be there already, but then it is empty.</param>
    /// <param name="write">Told the folder to fill.</param>
    /// <exception cref="IOException">The folder holds something already, or the disk is full.</exception>
    public static void Write(string path, Action<string> write)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new IOException($"'{path}' is there already and not empty; name another folder, or remove this one first.");
        }

        string partial = target + ".partial";
        Clear(partial);
        Directory.CreateDirectory(partial);
        try
        {
            write(partial);
            if (Directory.Exists(target))
            {
                Directory.Delete(target);
            }

            Directory.Move(partial, target);
        }
        catch
        {
            Clear(partial);
            throw;
        }
    }

    static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
