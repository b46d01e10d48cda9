using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Packages;
using OpenAutoGlm.Models.Tokenizers.Saving;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>
/// Writes a model as a GGUF file that other engines read. What the weights give for a name is what is written, in its
/// format; vectors as float32. A model from a GGUF file keeps its metadata and the order of its tensors; for one from
/// safetensors the keys, the tokenizer and the order of the rows of q and k are made as converters make them.
/// </summary>
public static class GgufModelWriter
{
    const string FileType = "general.file_type";
    const string QuantizationVersion = "general.quantization_version";
    const string Name = "general.name";

    /// <summary>Writes the file; it appears under its name when it is whole.</summary>
    /// <param name="source">Where the model came from: metadata, tokenizer and chat template are taken from it.</param>
    /// <param name="config">The hyper-parameters of what is written.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="name">What the file calls the model; as before where it is null.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <param name="cancellation">Checked before every tensor; nothing is left behind.</param>
    /// <exception cref="ModelFormatException">A weight is missing, has another shape than the configuration says, or the tokenizer cannot be said in a GGUF file.</exception>
    /// <exception cref="ArgumentException">The model is no variant of its source.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(
        ModelPackage source, ModelConfig config, IWeights weights, string path, string? name = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(weights);
        GgufWriter writer = new();
        GgufWeights? old = source.Weights as GgufWeights;
        RopePairing pairing = old is null ? GgufConfig.NameOf(config.Architecture).Pairing : config.Rope.Pairing;
        OutgoingTensor[] tensors = [.. Tensors(source, config, weights, old, pairing)];
        if (old is not null)
        {
            HashSet<string> own = [FileType, QuantizationVersion, .. name is null ? [] : new[] { Name }];
            GgufConfigRewriter.Copy(writer, old.Metadata, source.Config, config, own);
        }
        else
        {
            GgufConfigWriter.Write(writer, config with { Rope = config.Rope with { Pairing = pairing } });
            GgufTokenizerWriter.Write(writer, source, config);
        }

        if (name is not null || old is null)
        {
            writer.Add(Name, name ?? source.Name);
        }

        writer.Add(FileType, FileTypeOf(tensors));
        writer.Add(QuantizationVersion, 2u);
        foreach (OutgoingTensor tensor in tensors)
        {
            writer.AddTensor(tensor.Name, tensor.Format, tensor.Extents.AsSpan(), tensor.Write);
        }

        double total = tensors.Sum(tensor => (double)tensor.Bytes);
        writer.Write(path, progress is null ? null : new ShareProgress(progress, total), cancellation);
    }

    static IEnumerable<OutgoingTensor> Tensors(ModelPackage source, ModelConfig config, IWeights weights, GgufWeights? old, RopePairing pairing)
    {
        HashSet<string> wanted = [.. WeightRecord.Of(config, weights)];
        IEnumerable<string> order = wanted;
        if (old is not null)
        {
            // Parts of the file that the graph does not read (layers that predict further tokens) stay as long as they fit.
            bool same = config.Layers == source.Config.Layers;
            order = [.. old.Stored.Select(info => info.Name).Where(stored => wanted.Contains(stored) || (same && LayerOf(stored) >= config.Layers)), .. wanted.Where(name => !old.Names.Contains(name))];
        }

        foreach (string name in order)
        {
            Tensor tensor = wanted.Contains(name) ? weights.Get(name) : old!.Get(name);
            yield return OutgoingTensor.Of(source.Path, name, tensor, order: RotaryRows.Order(WithoutLayer(name), config, pairing));
        }

        if (config.Rope.Llama3 is { } scaling && !wanted.Contains("rope_freqs.weight"))
        {
            yield return OutgoingTensor.Of(source.Path, "rope_freqs.weight", Tensor.Of(scaling.Factors(config.Rope), config.Rope.Dims / 2));
        }
    }

    static int LayerOf(string name) => name.Split('.') is ["blk", string number, ..] && int.TryParse(number, out int layer) ? layer : -1;

    static string WithoutLayer(string name) => name.StartsWith("blk.", StringComparison.Ordinal) ? name.Split('.', 3)[2] : name;

    /// <summary>The number for the format that most bytes are in. Source: llama_ftype of llama.cpp.</summary>
    static uint FileTypeOf(IEnumerable<OutgoingTensor> tensors) => tensors.Where(tensor => tensor.Extents.Length > 1)
        .GroupBy(tensor => tensor.Format).OrderByDescending(group => group.Sum(tensor => tensor.Bytes)).Select(group => group.Key).FirstOrDefault(TensorFormat.F32) switch
    {
        TensorFormat.F32 => 0,
        TensorFormat.F16 => 1,
        TensorFormat.Q4_0 => 2,
        TensorFormat.Q4_1 => 3,
        TensorFormat.Q8_0 => 7,
        TensorFormat.Q5_0 => 8,
        TensorFormat.Q5_1 => 9,
        TensorFormat.Q2_K => 10,
        TensorFormat.Q3_K => 12,
        TensorFormat.Q4_K => 15,
        TensorFormat.Q5_K => 17,
        TensorFormat.Q6_K => 18,
        TensorFormat.IQ4_NL => 25,
        TensorFormat.IQ4_XS => 30,
        TensorFormat.BF16 => 32,
        TensorFormat.MXFP4 => 38,
        _ => 1024, // guessed, as llama.cpp calls it
    };

    sealed class ShareProgress(IProgress<double> progress, double total) : IProgress<long>
    {
        public void Report(long value) => progress.Report(Math.Min(1, value / Math.Max(1, total)));
    }
}
