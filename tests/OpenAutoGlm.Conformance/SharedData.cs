namespace OpenAutoGlm;

/// <summary>The reference data beside the project: ../shared from the repository root.</summary>
static class SharedData
{
    static readonly string? Folder = Find();

    /// <summary>The path of a file or folder in the shared data; skips the test where there is no such data.</summary>
    public static string Path(params string[] parts)
    {
        Assert.SkipUnless(Folder is not null, "../shared is not beside the project: this test compares with reference data that is not in the repository.");
        string path = System.IO.Path.Combine([Folder, .. parts]);
        Assert.True(File.Exists(path) || Directory.Exists(path), $"{path} is missing from the shared data.");
        return path;
    }

    static string? Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "OpenAutoGlm.slnx")))
        {
            folder = folder.Parent;
        }

        string? shared = folder?.Parent is null ? null : System.IO.Path.Combine(folder.Parent.FullName, "shared");
        return shared is not null && File.Exists(System.IO.Path.Combine(shared, "README.md")) ? shared : null;
    }
}
