using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>Makes GGUF models with random weights: to measure speed on a machine without fetching gigabytes, and for tests.</summary>
public static class ModelSynthesizer
{
    const int SmallPool = 1 << 15;
    const int LargePool = 1 << 18;

    /// <summary>The names of the formats that models are made in.</summary>
    public static IReadOnlyList<string> Formats => FormatMixture.Names;

    /// <summary>Writes a model; the same arguments give the same bytes on every machine.</summary>
    /// <param name="shape">The dimensions.</param>
    /// <param name="format">The format of the matrices: F32, F16, BF16, Q8_0, Q4_K_M and others.</param>
    /// <param name="path">The file; it appears when it is whole.</param>
    /// <param name="seed">Where the random numbers begin.</param>
    /// <param name="progress">Told the bytes written after every tensor.</param>
    /// <param name="cancellation">Stops the work and leaves nothing behind.</param>
    /// <exception cref="ArgumentException">The format is not known, or the vocabulary is too small for a tokenizer.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(ModelShape shape, string format, string path, int seed = 0, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(shape);
        FormatMixture mixture = FormatMixture.Find(format);
        ModelConfig config = shape.Config;
        SyntheticVocabulary vocabulary = SyntheticVocabulary.For(config.Architecture, config.Vocab);
        TensorFiller filler = new(seed, vocabulary.UsedCount, config.Hidden < 1024 ? SmallPool : LargePool);
        GgufWriter writer = new();
        GgufConfigWriter.Write(writer, config);
        writer.Add("general.name", $"random {shape.Name}");
        writer.Add("general.file_type", mixture.FileType);
        writer.Add("general.quantization_version", 2u);
        vocabulary.Write(writer);
        if (config.Rope.Llama3 is { } scaling)
        {
            writer.AddTensor("rope_freqs.weight", Graph.Tensors.Tensor.Of(scaling.Factors(config.Rope), config.Rope.Dims / 2));
        }

        foreach (PlannedTensor tensor in PlannedTensor.For(shape))
        {
            TensorFormat tensorFormat = mixture.For(tensor, config);
            writer.AddTensor(tensor.Name, tensorFormat, tensor.Extents.AsSpan(), stream => filler.Write(tensor, tensorFormat, stream, cancellation));
        }

        writer.Write(path, progress, cancellation);
    }
}
