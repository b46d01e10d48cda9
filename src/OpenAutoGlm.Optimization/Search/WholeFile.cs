namespace OpenAutoGlm.Optimization.Search;

/// <summary>Files that hold all of their content or none: written beside their name, flushed to the disk, then renamed over it.</summary>
static class WholeFile
{
    /// <summary>Writes a file.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    internal static void Write(string path, Action<Stream> write)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        string partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            using (FileStream file = new(partial, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Writes a file that is only there to save time later.</summary>
    internal static bool TryWrite(string path, Action<Stream> write)
    {
        try
        {
            Write(path, write);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc cref="TryWrite(string, Action{Stream})"/>
    internal static bool TryWrite(string path, string text) => TryWrite(path, file =>
    {
        using StreamWriter writer = new(file, leaveOpen: true);
        writer.Write(text);
    });
}
