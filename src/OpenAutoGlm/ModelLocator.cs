namespace OpenAutoGlm;

/// <summary>Finds a model by what the user calls it: see <see cref="ModelName"/>.</summary>
public static class ModelLocator
{
    /// <summary>
    /// Where models that were fetched or made are kept: $AUTOGLM_CACHE, else autoglm in $XDG_CACHE_HOME, else
    /// .cache/autoglm in the user's home (the local application data folder on Windows).
    /// </summary>
    public static string DefaultCacheFolder =>
        Variable("AUTOGLM_CACHE")
        ?? (Variable("XDG_CACHE_HOME") is { } cache ? Path.Combine(cache, "autoglm") : null)
        ?? (OperatingSystem.IsWindows()
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "autoglm")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "autoglm"));

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
