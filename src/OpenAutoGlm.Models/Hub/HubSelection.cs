namespace OpenAutoGlm.Models.Hub;

/// <summary>Which files of a repository are wanted. Files that run code when they are loaded are never among them.</summary>
public sealed record HubSelection
{
    static readonly string[] Pickles = [".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".keras", ".msgpack"];

    static readonly string[] Usual =
        ["*.safetensors", "*.json", "*.jinja", "tokenizer.model", "*/tokenizer.model", "*.tiktoken", "*.spm", "vocab.txt", "merges.txt"];

    /// <summary>What a model needs: safetensors, JSON, the tokenizer and templates; a single GGUF where there are no safetensors.</summary>
    public static HubSelection Default { get; } = new();

    /// <summary>Patterns of wanted files, such as "*Q4_K_M.gguf"; the default selection where there are none.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Patterns of files that are left out of what is wanted.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The wanted files of a listing.</summary>
    /// <exception cref="HubException">Nothing is wanted, or only what is refused.</exception>
    internal List<HubFile> Choose(IReadOnlyList<HubFile> files, HubReference reference)
    {
        if (Include.FirstOrDefault(IsPickle) is { } pickle)
        {
            throw new HubException(HubError.Refused,
                $"'{pickle}' asks for pickled files of {reference}, which can run code when loaded and are never fetched: ask for *.safetensors or *.gguf.");
        }

        IReadOnlyList<string> wanted = Include.Count > 0 ? Include : Usual;
        List<HubFile> chosen = [.. files.Where(file => wanted.Any(pattern => Glob.IsMatch(pattern, file.Path)) && !IsPickle(file.Path) && !IsExcluded(file))];
        if (Include.Count > 0)
        {
            return chosen.Count > 0 ? chosen : throw new HubException(HubError.NotFound,
                $"No file of {reference} matches {string.Join(", ", Include.Select(pattern => $"'{pattern}'"))}. It has: {Names(files)}.");
        }

        return chosen.Any(file => file.Path.EndsWith(".safetensors")) ? chosen : WithSingleGguf(chosen, files, reference);
    }

    List<HubFile> WithSingleGguf(List<HubFile> chosen, IReadOnlyList<HubFile> files, HubReference reference)
    {
        HubFile[] ggufs = [.. files.Where(file => file.Path.EndsWith(".gguf") && !IsExcluded(file))];
        if (ggufs.Length > 1)
        {
            throw new HubException(HubError.NotFound, $"{reference} has several GGUF files: choose by a pattern such as --include \"*Q4_K_M*.gguf\". It has: {Names(ggufs)}.");
        }

        if (ggufs.Length == 0 && files.Any(file => IsPickle(file.Path)))
        {
            throw new HubException(HubError.Refused,
                $"{reference} has its weights only as pickled files, which can run code when loaded and are never fetched: {Names([.. files.Where(file => IsPickle(file.Path))])}. Look for a repository with safetensors or GGUF.");
        }

        chosen.AddRange(ggufs);
        return chosen.Count > 0 ? chosen : throw new HubException(HubError.NotFound, $"{reference} has no safetensors and no GGUF. It has: {Names(files)}.");
    }

    bool IsExcluded(HubFile file) => Exclude.Any(pattern => Glob.IsMatch(pattern, file.Path));

    static bool IsPickle(string path) => Array.Exists(Pickles, extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    static string Names(IReadOnlyList<HubFile> files)
    {
        const int Shown = 20;
        string names = string.Join(", ", files.Take(Shown).Select(file => file.Path));
        return files.Count switch
        {
            0 => "nothing",
            > Shown => $"{names} and {files.Count - Shown} more",
            _ => names,
        };
    }
}
