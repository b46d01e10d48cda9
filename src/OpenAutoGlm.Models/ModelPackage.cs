using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Packages;
using OpenAutoGlm.Models.Safetensors;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Models;

/// <summary>
/// A model as its authors published it, opened: configuration, weights, tokenizer, chat template and recommended
/// settings. Weights stay in the mapped files until the package is disposed.
/// </summary>
public sealed class ModelPackage : IDisposable
{
    readonly string _files;
    readonly Lazy<Tokenizer?> _tokenizer;

    ModelPackage(
        string path, string name, string files, ModelConfig config, ModelWeights weights, Func<Tokenizer?> tokenizer, ChatTemplateSources templates, GenerationDefaults generation, Pooling? pooling)
    {
        Path = path;
        Name = name;
        _files = files;
        Config = config;
        Weights = weights;
        _tokenizer = new Lazy<Tokenizer?>(tokenizer);
        ChatTemplates = templates;
        Generation = generation;
        Pooling = pooling;
    }

    /// <summary>The file or folder that was opened.</summary>
    public string Path { get; }

    /// <summary>The folder in which the files are.</summary>
    internal string Folder => Directory.Exists(Path) ? Path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;

    /// <summary>The name that the file gives itself, or that of the file.</summary>
    public string Name { get; }

    /// <summary>The hyper-parameters.</summary>
    public ModelConfig Config { get; }

    /// <summary>The weights; they belong to the package.</summary>
    public ModelWeights Weights { get; }

    /// <summary>The tokenizer, read when it is first wanted; null where the model came without one.</summary>
    /// <exception cref="ModelFormatException">There is one, but it contradicts itself or is not supported.</exception>
    public Tokenizer? Tokenizer => _tokenizer.Value;

    /// <summary>The texts of the chat templates.</summary>
    public ChatTemplateSources ChatTemplates { get; }

    /// <summary>Recommended settings.</summary>
    public GenerationDefaults Generation { get; }

    /// <summary>How its embeddings are pooled: last token where the files say nothing; null where they ask for a way that is not supported.</summary>
    public Pooling? Pooling { get; }

    /// <summary>
    /// Opens a .gguf file (any part of a split one), a .safetensors file beside its config.json, a folder with
    /// config.json and safetensors files, or a folder with one GGUF model.
    /// </summary>
    /// <exception cref="ModelFormatException">A file contradicts itself, is missing, or is of a kind that is not supported.</exception>
    /// <exception cref="IOException">A file is not there or cannot be read.</exception>
    public static ModelPackage Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
        {
            return GgufIn(path) is { } gguf ? OpenGguf(path, gguf) : OpenFolder(path, path);
        }

        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".safetensors.index.json", StringComparison.OrdinalIgnoreCase))
        {
            return OpenFolder(path, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        }

        // Whatever the name, a file that is no GGUF file is refused by what it begins with.
        return OpenGguf(path, path);
    }

    /// <summary>
    /// The models of a folder, by name: the folder itself where it is a model, else every GGUF file in it (of a split one the first part)
    /// and every folder in it that is a model. Opens none of them.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static IReadOnlyList<FoundModel> FindIn(string folder)
    {
        if (IsModel(folder, out string[] files) && (files.Length == 0 || !Directory.EnumerateDirectories(folder).Any(inner => IsModel(inner, out _))))
        {
            return [new FoundModel(folder, new DirectoryInfo(folder).Name)];
        }

        return
        [
            .. files.Select(file => new FoundModel(file, GgufParts.IsPart(file, out string stem, out _, out _) ? System.IO.Path.GetFileName(stem) : System.IO.Path.GetFileNameWithoutExtension(file)))
                .Concat(Directory.EnumerateDirectories(folder).Where(inner => IsModel(inner, out _)).Select(inner => new FoundModel(inner, System.IO.Path.GetFileName(inner))))
                .OrderBy(model => model.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>What the model is and what it costs.</summary>
    public ModelSummary Summarize()
    {
        FormatShare[] formats = [.. Weights.Stored
            .GroupBy(tensor => tensor.TypeName)
            .Select(group => new FormatShare(group.Key, group.Count(), group.Sum(tensor => tensor.Elements), group.Sum(tensor => tensor.Bytes)))
            .OrderByDescending(share => share.Bytes)];
        long parameters = formats.Sum(share => share.Parameters);
        long expertParameters = Weights.Stored.Where(tensor => IsExpert(tensor.Name)).Sum(tensor => tensor.Elements);
        long kvBytesPerToken = Config.KvBytesPerToken(new GraphOptions().KvFormat);
        return new ModelSummary
        {
            Path = Path,
            Name = Name,
            Files = _files,
            Architecture = Config.Architecture,
            Layers = Config.Layers,
            Hidden = Config.Hidden,
            Heads = Config.Heads,
            KvHeads = Config.KvHeads,
            HeadDim = Config.HeadDim,
            Inner = Config.Inner,
            Experts = Config.Experts?.Count ?? 0,
            ExpertsUsed = Config.Experts?.Used ?? 0,
            Vocab = Config.Vocab,
            ContextLength = Config.ContextLength,
            Parameters = parameters,
            ActiveParameters = Config.Experts is { } experts ? parameters - (long)((Int128)expertParameters * (experts.Count - experts.Used) / experts.Count) : parameters,
            WeightBytes = formats.Sum(share => share.Bytes),
            KvBytesPerToken = kvBytesPerToken,
            KvBytesAtFullContext = (long)Int128.Min((Int128)kvBytesPerToken * Config.ContextLength, long.MaxValue),
            Formats = [.. formats],
            Tokenizer = DescribeTokenizer(),
            HasChatTemplate = ChatTemplates.Default is not null,
            NamedChatTemplates = [.. ChatTemplates.Named.Keys],
            Generation = Generation,
        };
    }

    /// <summary>A page of text about the model.</summary>
    public string Describe() => Summarize().ToString();

    /// <summary>Unmaps the files. No weight must be used afterwards.</summary>
    public void Dispose() => Weights.Dispose();

    /// <summary>A page about a model is worth having even where its tokenizer is not supported.</summary>
    string? DescribeTokenizer()
    {
        try
        {
            return Tokenizer?.Description;
        }
        catch (ModelFormatException exception)
        {
            return $"not usable: {exception.Message}";
        }
    }

    static ModelPackage OpenGguf(string path, string file)
    {
        List<GgufFile> files = GgufParts.Open(file);
        try
        {
            GgufFile first = files[0];
            ModelConfig config = GgufConfig.Read(first);
            string name = first.Metadata.TryGetString("general.name", out string? given) && given.Length > 0 ? given : System.IO.Path.GetFileNameWithoutExtension(file);
            string kind = $"GGUF version {first.Version}{(files.Count > 1 ? $" in {files.Count} parts" : "")}";
            return new ModelPackage(path, name, kind, config, new GgufWeights(files), () => TokenizerOf(first), ChatTemplateSources.Read(first.Metadata), GenerationDefaults.Read(first.Metadata, config.Vocab), PoolingFile.Read(first.Metadata, first.Metadata.GetString("general.architecture")));
        }
        catch
        {
            files.ForEach(open => open.Dispose());
            throw;
        }
    }

    static ModelPackage OpenFolder(string path, string folder)
    {
        string configuration = System.IO.Path.Combine(folder, "config.json");
        if (!File.Exists(configuration))
        {
            throw new ModelFormatException(path, "config.json", "there is neither this file nor a GGUF file in the folder, so it holds no model that can be read.");
        }

        ModelConfig config = HuggingFaceConfig.Read(configuration);
        SafetensorsModel files = SafetensorsModel.Open(path);
        try
        {
            string kind = $"safetensors{(files.Files.Count > 1 ? $" in {files.Files.Count} shards" : "")}";
            string name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(folder)));
            return new ModelPackage(path, name, kind, config, new HuggingFaceWeights(files, config), () => TokenizerOf(folder), ChatTemplateSources.Read(folder), GenerationDefaults.Read(folder, config.Vocab), PoolingFile.Read(folder));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    static Tokenizer? TokenizerOf(GgufFile file)
    {
        if (!file.Metadata.TryGetString("tokenizer.ggml.model", out string? model) || model is "no_vocab" or "none")
        {
            return null;
        }

        Tokenizer tokenizer = TokenizerLoader.FromGguf(file.Metadata);
        file.ReleaseMetadataPages();
        return tokenizer;
    }

    static Tokenizer? TokenizerOf(string folder)
    {
        bool Has(string file) => File.Exists(System.IO.Path.Combine(folder, file));
        return Has("tokenizer.json") || Has("tokenizer.model") || (Has("vocab.json") && Has("merges.txt")) || Directory.EnumerateFiles(folder, "*.tiktoken").Any()
            ? TokenizerLoader.FromFolder(folder)
            : null;
    }

    /// <summary>The GGUF model of a folder, its first part; null if the folder holds safetensors or nothing.</summary>
    static string? GgufIn(string folder)
    {
        if (Directory.EnumerateFiles(folder, "*.safetensors").Any())
        {
            return null;
        }

        string[] models = GgufFilesIn(folder);
        return models.Length <= 1
            ? models.FirstOrDefault()
            : throw new ModelFormatException(folder, "folder", $"there are {models.Length} GGUF models; name one of them: {string.Join(", ", models.Select(System.IO.Path.GetFileName).Take(10))}.");
    }

    /// <summary>The GGUF models of a folder, of split ones the first part. Files named mmproj hold the projector of a vision model, which stands beside the language model.</summary>
    static string[] GgufFilesIn(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*.gguf")
            .Where(file => !System.IO.Path.GetFileName(file).StartsWith("mmproj", StringComparison.OrdinalIgnoreCase))
            .Where(file => !GgufParts.IsPart(file, out _, out int number, out _) || number == 1)
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Whether <see cref="Open"/> would take a folder for one model.</summary>
    static bool IsModel(string folder, out string[] ggufFiles)
    {
        bool hasSafetensors = Directory.EnumerateFiles(folder, "*.safetensors").Any();
        ggufFiles = hasSafetensors && File.Exists(System.IO.Path.Combine(folder, "config.json")) ? [] : GgufFilesIn(folder);
        return ggufFiles.Length == 0 ? hasSafetensors && File.Exists(System.IO.Path.Combine(folder, "config.json")) : ggufFiles.Length == 1 && !hasSafetensors;
    }

    static bool IsExpert(string name) => name.Contains(".mlp.experts.", StringComparison.Ordinal) || name.Contains("_exps.", StringComparison.Ordinal);
}

/// <summary>A model that was found in a folder.</summary>
/// <param name="Path">What <see cref="ModelPackage.Open"/> takes.</param>
/// <param name="Name">The name of the file or folder, without ending and number of a part.</param>
public readonly record struct FoundModel(string Path, string Name);
