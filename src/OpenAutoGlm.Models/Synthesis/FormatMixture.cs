using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// Which format each tensor gets: one for all matrices, or the mixture that the field calls Q4_K_M. Rows that do not
/// divide into blocks of 256 fall back to a format with blocks of 32, as llama.cpp's quantiser does.
/// </summary>
/// <param name="Name">The spelling by which the mixture is asked for.</param>
/// <param name="Base">The format of most matrices.</param>
/// <param name="Better">The format of those that matter more; the same for no mixture.</param>
/// <param name="FileType">The number that general.file_type has for it.</param>
sealed record FormatMixture(string Name, TensorFormat Base, TensorFormat Better, uint FileType)
{
    static readonly FormatMixture[] All =
    [
        Plain(TensorFormat.F32, 0), Plain(TensorFormat.F16, 1), Plain(TensorFormat.BF16, 32), Plain(TensorFormat.Q8_0, 7),
        Plain(TensorFormat.Q6_K, 18), Plain(TensorFormat.Q5_K, 16), Plain(TensorFormat.Q5_0, 8), Plain(TensorFormat.Q5_1, 9),
        Plain(TensorFormat.Q4_K, 14), Plain(TensorFormat.Q4_0, 2), Plain(TensorFormat.Q4_1, 3), Plain(TensorFormat.IQ4_NL, 25),
        new("Q4_K_M", TensorFormat.Q4_K, TensorFormat.Q6_K, 15),
    ];

    /// <summary>The names of all.</summary>
    public static IReadOnlyList<string> Names => [.. All.Select(mixture => mixture.Name)];

    /// <summary>Finds a mixture by name.</summary>
    /// <exception cref="ArgumentException">There is no such mixture; the message lists all.</exception>
    public static FormatMixture Find(string name) => All.FirstOrDefault(mixture => mixture.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"Models are not made in the format '{name}'; known are {string.Join(", ", Names)}.", nameof(name));

    /// <summary>The format of a tensor in a model of so many layers.</summary>
    public TensorFormat For(PlannedTensor tensor, int layers, bool tied)
    {
        if (tensor.Role is not (TensorRole.Matrix or TensorRole.Vocabulary))
        {
            return TensorFormat.F32;
        }

        return BlockFormat.Fitting(Matters(tensor, layers, tied) ? Better : Base, tensor.Extents[^1]);
    }

    /// <summary>The output projection, and the projections to values and down, of the first and the last layers and of every third between.</summary>
    static bool Matters(PlannedTensor tensor, int layers, bool tied)
    {
        int eighth = layers / 8;
        bool layerMatters = tensor.Layer < eighth || tensor.Layer >= 7 * layers / 8 || (tensor.Layer - eighth) % 3 == 2;
        return tensor.Kind == "output" || (tied && tensor.Kind == "token_embd")
            || (layerMatters && (tensor.Kind is "attn_v" or "attn_qkv" || tensor.Kind.StartsWith("ffn_down", StringComparison.Ordinal)));
    }

    static FormatMixture Plain(TensorFormat format, uint fileType) => new(format.ToString(), format, format, fileType);
}
