namespace OpenAutoGlm.Models;

/// <summary>Writes a file so that its name holds the whole content or is not there.</summary>
static class AtomicFile
{
    const int BufferBytes = 1 << 20;

    /// <summary>Writes beside <paramref name="path"/>, flushes to the disk, then renames over it.</summary>
    /// <exception cref="IOException">The disk is full, or somebody else writes the same file.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string partial = path + ".partial";
        using (FileStream stream = new(partial, FileMode.Create, FileAccess.Write, FileShare.None, BufferBytes))
        {
            try
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            catch
            {
                stream.Dispose();
                File.Delete(partial);
                throw;
            }
        }

        File.Move(partial, path, overwrite: true);
    }
}
