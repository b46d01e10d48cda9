using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers.Training;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// A model at the beginning of its training: matrices and embeddings normal with deviation 0.02, the two projections that
/// add to the residual stream divided by √(2 · layers), norms 1, biases 0. Source: Radford et al. 2019, §2.3.
/// </summary>
public static class FreshModel
{
    /// <summary>The deviation of matrices and embeddings.</summary>
    public const float Deviation = 0.02f;

    /// <summary>Writes a GGUF file of float32 weights with a tokenizer; the same arguments give the same bytes.</summary>
    /// <param name="shape">The dimensions; the vocabulary may have more rows than there are tokens.</param>
    /// <param name="vocabulary">The tokenizer.</param>
    /// <param name="path">The file; it appears when it is whole.</param>
    /// <param name="seed">Where the random numbers begin.</param>
    /// <param name="chatTemplate">The chat template; null for none.</param>
    /// <exception cref="ArgumentException">The vocabulary has more tokens than the shape has rows.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(ModelShape shape, TrainedVocabulary vocabulary, string path, int seed, string? chatTemplate = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(vocabulary);
        ModelConfig config = shape.Config;
        GgufWriter writer = new();
        GgufConfigWriter.Write(writer, config);
        writer.Add("general.name", shape.Name);
        writer.Add("general.file_type", 0u);
        vocabulary.Write(writer, config.Vocab, chatTemplate);
        if (config.Rope.Llama3 is { } scaling)
        {
            writer.AddTensor("rope_freqs.weight", Tensor.Of(scaling.Factors(config.Rope), config.Rope.Dims / 2));
        }

        foreach (PlannedTensor tensor in PlannedTensor.For(shape))
        {
            writer.AddTensor(tensor.Name, TensorFormat.F32, tensor.Extents.AsSpan(), stream => Fill(tensor, config.Layers, seed).WriteTo(stream));
        }

        writer.Write(path);
    }

    static Tensor Fill(PlannedTensor planned, int layers, int seed)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, [.. planned.Extents.Select(extent => (Dim)extent)]);
        Span<float> values = tensor.View.Floats;
        if (planned.Role is TensorRole.Norm or TensorRole.Bias)
        {
            values.Fill(planned.Role == TensorRole.Norm ? 1 : 0);
            return tensor;
        }

        float deviation = planned.Kind is "attn_output" or "ffn_down" or "ffn_down_exps" or "ffn_down_shexp" ? Deviation / MathF.Sqrt(2 * layers) : Deviation;
        SplitMix draws = SplitMix.For(seed, planned.Name);
        foreach (ref float value in values)
        {
            value = deviation * draws.NextNormal();
        }

        return tensor;
    }
}
