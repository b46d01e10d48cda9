using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>The folders from which an operator may swap models in, and no other place.</summary>
sealed class SwapFolders(IReadOnlyList<string> folders)
{
    readonly (string Given, string Real)[] _roots = [.. folders.Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))).Select(folder => (folder, Real(folder)))];

    public bool IsEmpty => _roots.Length == 0;

    /// <summary>The file or folder that a path means, with all links followed.</summary>
    /// <param name="path">Relative to one of the folders, or absolute.</param>
    /// <exception cref="ApiException">There is no such thing in any of them; which of the two it is stays unsaid.</exception>
    public string Resolve(string path)
    {
        if (IsEmpty)
        {
            throw new ApiException(ApiError.PathNotAllowed("The server was started without a folder to swap models from."));
        }

        foreach ((string given, string root) in _roots)
        {
            string full = Path.GetFullPath(path, given);
            if ((IsUnder(given, full) || IsUnder(root, full)) && Path.Exists(full) && Real(full) is var real && IsUnder(root, real))
            {
                return real;
            }
        }

        throw new ApiException(ApiError.PathNotAllowed("path is no file or folder under a folder that models may be swapped from."));
    }

    static bool IsUnder(string root, string path) => path.StartsWith(root == "/" ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>A path without links, wherever in it they are.</summary>
    static string Real(string path)
    {
        string? parent = Path.GetDirectoryName(path);
        if (parent is null)
        {
            return path;
        }

        string here = Path.Combine(Real(parent), Path.GetFileName(path));
        FileSystemInfo info = Directory.Exists(here) ? new DirectoryInfo(here) : new FileInfo(here);
        return info.LinkTarget is null ? here : Real(info.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
    }
}
