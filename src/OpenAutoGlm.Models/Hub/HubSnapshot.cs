namespace OpenAutoGlm.Models.Hub;

/// <summary>A model in the cache: a folder with the files of one commit.</summary>
/// <param name="Repository">org/name.</param>
/// <param name="Commit">The commit; on hubs without commits the revision.</param>
/// <param name="Folder">The folder that holds the files under their names in the repository.</param>
/// <param name="Files">The files that are there.</param>
public sealed record HubSnapshot(string Repository, string Commit, string Folder, IReadOnlyList<HubFile> Files)
{
    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Size);
}
