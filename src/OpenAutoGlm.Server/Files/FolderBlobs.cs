namespace OpenAutoGlm.Server.Files;

/// <summary>
/// Blobs in a folder of their own. One server at a time: a lock file says whose it is. What a crash left half-written is
/// deleted at the next start.
/// </summary>
sealed class FolderBlobs : IBlobs
{
    const string Partial = ".partial";
    const string LockName = ".lock";

    readonly string _folder;
    readonly FileStream _lock;

    /// <exception cref="IOException">The folder cannot be made, or another server uses it.</exception>
    public FolderBlobs(string folder)
    {
        _folder = Path.GetFullPath(folder);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(_folder);
        }
        else
        {
            // What clients upload is nobody else's business.
            Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        try
        {
            _lock = new FileStream(Path.Combine(_folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new IOException($"The files folder {_folder} is used by another server: {error.Message}", error);
        }

        foreach (string left in Directory.EnumerateFiles(_folder, "*" + Partial))
        {
            File.Delete(left);
        }
    }

    public IReadOnlyCollection<string> Names => [.. Directory.EnumerateFiles(_folder).Select(path => Path.GetFileName(path)).Where(name => name != LockName && !name.EndsWith(Partial, StringComparison.Ordinal))];

    public async Task WriteAsync(string name, Func<Stream, Task> write)
    {
        string path = PathOf(name);
        string partial = path + Partial;
        try
        {
            await using (FileStream stream = new(partial, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                await write(stream);
                await stream.FlushAsync();
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    public Stream? OpenRead(string name)
    {
        try
        {
            return new FileStream(PathOf(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public Stream OpenAppend(string name) => new FileStream(PathOf(name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);

    public void Rename(string name, string newName)
    {
        if (File.Exists(PathOf(name)))
        {
            File.Move(PathOf(name), PathOf(newName), overwrite: true);
        }
    }

    public void Delete(string name) => File.Delete(PathOf(name));

    public void Dispose() => _lock.Dispose();

    string PathOf(string name) => name.Length is > 0 and <= 128 && name[0] != '.' && name.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character is '-' or '_' or '.')
        ? Path.Combine(_folder, name)
        : throw new ArgumentException($"'{name}' is no name of a blob.", nameof(name));
}
