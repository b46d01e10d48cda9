namespace OpenAutoGlm.Dashboard;

/// <summary>Where the sources are, above the tests' binaries.</summary>
static class Repository
{
    public static string Root { get; } = Find();

    static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OpenAutoGlm.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("OpenAutoGlm.slnx was not found above the tests.");
    }
}
