using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>The weights of a model in one safetensors file or in the shards that an index names.</summary>
public sealed class SafetensorsModel : IDisposable
{
    const string IndexName = "model.safetensors.index.json";
    const string SingleName = "model.safetensors";
    const int MaxShards = 10_000;

    readonly List<SafetensorsFile> _files;
    readonly Dictionary<string, SafetensorsFile> _byName;

    SafetensorsModel(string path, List<SafetensorsFile> files, Dictionary<string, SafetensorsFile> byName)
    {
        Path = path;
        _files = files;
        _byName = byName;
    }

    /// <summary>The folder or file that was opened.</summary>
    public string Path { get; }

    /// <summary>The files, in the order in which the index names them first.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>The tensors of all files.</summary>
    public IEnumerable<TensorInfo> Tensors => _files.SelectMany(file => file.Tensors.Where(tensor => _byName.GetValueOrDefault(tensor.Name) == file));

    /// <summary>Opens a .safetensors file, an index, or a folder that holds one of them.</summary>
    /// <exception cref="ModelFormatException">A file contradicts itself, a shard is missing, or there are only pickle files.</exception>
    /// <exception cref="IOException">A file is not there or cannot be read.</exception>
    public static SafetensorsModel Open(string path)
    {
        string file = Directory.Exists(path) ? FileIn(path) : path;
        List<SafetensorsFile> files = [];
        try
        {
            return file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? OpenShards(path, file, files) : OpenSingle(path, file, files);
        }
        catch
        {
            files.ForEach(open => open.Dispose());
            throw;
        }
    }

    /// <summary>Finds a tensor; its elements lie in a mapping.</summary>
    /// <exception cref="ModelFormatException">The tensor is there, but in a type that cannot be computed with.</exception>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out Tensor? tensor)
    {
        tensor = null;
        return _byName.TryGetValue(name, out SafetensorsFile? file) && file.TryGetTensor(name, out tensor);
    }

    /// <summary>Whether there is such a tensor, in whatever type.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>Unmaps all files. Their tensors must not be used afterwards.</summary>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    static string FileIn(string folder)
    {
        foreach (string name in new[] { IndexName, SingleName })
        {
            if (File.Exists(System.IO.Path.Combine(folder, name)))
            {
                return System.IO.Path.Combine(folder, name);
            }
        }

        string[] others = Directory.GetFiles(folder, "*.safetensors");
        if (others.Length == 1)
        {
            return others[0];
        }

        string? pickle = Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).FirstOrDefault(ForeignFiles.IsPickleName);
        throw new ModelFormatException(
            folder,
            IndexName,
            (pickle, others.Length) switch
            {
                ({ } name, 0) => $"the weights are only there as {System.IO.Path.GetFileName(name)}, a pickle file, which can run code when it is read and is never opened here; convert it to safetensors or fetch the safetensors files of the model.",
                (_, 0) => $"there is neither {SingleName} nor an index nor any other safetensors file in this folder.",
                _ => $"there are {others.Length} safetensors files but no index that says what they are.",
            });
    }

    static SafetensorsModel OpenSingle(string path, string file, List<SafetensorsFile> files)
    {
        files.Add(SafetensorsFile.Open(file));
        return new SafetensorsModel(path, files, files[0].Tensors.ToDictionary(tensor => tensor.Name, _ => files[0], StringComparer.Ordinal));
    }

    static SafetensorsModel OpenShards(string path, string index, List<SafetensorsFile> files)
    {
        using JsonDocument document = JsonFile.ReadObject(index);
        if (!document.RootElement.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new ModelFormatException(index, "weight_map", "an object of tensor names and shard names belongs here.");
        }

        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(index))!;
        Dictionary<string, (SafetensorsFile File, HashSet<string> Names)> shards = new(StringComparer.Ordinal);
        Dictionary<string, SafetensorsFile> byName = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            string shard = ShardName(index, entry);
            if (!shards.TryGetValue(shard, out (SafetensorsFile File, HashSet<string> Names) open))
            {
                open = OpenShard(index, folder, shard, shards.Count);
                files.Add(open.File);
                shards.Add(shard, open);
            }

            if (!open.Names.Contains(entry.Name))
            {
                throw new ModelFormatException(index, entry.Name, $"the index says that this tensor is in {shard}, but it is not.");
            }

            byName.Add(entry.Name, open.File);
        }

        return new SafetensorsModel(path, files, byName);
    }

    /// <summary>The name of a shard: a plain file name, so that an index cannot reach outside its folder.</summary>
    static string ShardName(string index, JsonProperty entry)
    {
        string? shard = entry.Value.ValueKind == JsonValueKind.String ? TextOf(index, entry) : null;
        return shard is { Length: > 0 and < 256 } && shard.EndsWith(".safetensors", StringComparison.Ordinal)
            && shard.AsSpan().IndexOfAny("/\\:\0") < 0
            ? shard
            : throw new ModelFormatException(index, entry.Name, $"'{shard}' is no name of a .safetensors file in the index's own folder.");
    }

    static string TextOf(string index, JsonProperty entry)
    {
        try
        {
            return entry.Value.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new ModelFormatException(index, "weight_map", "a shard name is no valid text.", error);
        }
    }

    static (SafetensorsFile File, HashSet<string> Names) OpenShard(string index, string folder, string shard, int count)
    {
        string path = System.IO.Path.Combine(folder, shard);
        if (count == MaxShards)
        {
            throw new ModelFormatException(index, shard, $"there are more than {MaxShards} shards.");
        }

        if (!File.Exists(path))
        {
            throw new ModelFormatException(index, shard, "this shard is missing from the folder; fetch it again.");
        }

        SafetensorsFile file = SafetensorsFile.Open(path);
        return (file, file.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal));
    }
}
