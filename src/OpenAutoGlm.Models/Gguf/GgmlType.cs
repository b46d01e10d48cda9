using System.Collections.Frozen;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>
/// A tensor type as GGUF files number it. Sizes are known for types that cannot be computed with too, so that a file
/// that holds them can be checked and listed. Source: ggml.h and ggml-common.h of llama.cpp.
/// </summary>
/// <param name="Id">The number in the file.</param>
/// <param name="Name">The public spelling.</param>
/// <param name="BlockElements">Elements in a block.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
/// <param name="Format">The format here; null if there is none.</param>
sealed record GgmlType(uint Id, string Name, int BlockElements, int BlockBytes, TensorFormat? Format = null)
{
    static readonly FrozenDictionary<uint, GgmlType> ById = new GgmlType[]
    {
        new(0, "F32", 1, 4, TensorFormat.F32),
        new(1, "F16", 1, 2, TensorFormat.F16),
        new(2, "Q4_0", 32, 18, TensorFormat.Q4_0),
        new(3, "Q4_1", 32, 20, TensorFormat.Q4_1),
        new(6, "Q5_0", 32, 22, TensorFormat.Q5_0),
        new(7, "Q5_1", 32, 24, TensorFormat.Q5_1),
        new(8, "Q8_0", 32, 34, TensorFormat.Q8_0),
        new(9, "Q8_1", 32, 36),
        new(10, "Q2_K", 256, 84, TensorFormat.Q2_K),
        new(11, "Q3_K", 256, 110, TensorFormat.Q3_K),
        new(12, "Q4_K", 256, 144, TensorFormat.Q4_K),
        new(13, "Q5_K", 256, 176, TensorFormat.Q5_K),
        new(14, "Q6_K", 256, 210, TensorFormat.Q6_K),
        new(15, "Q8_K", 256, 292),
        new(16, "IQ2_XXS", 256, 66),
        new(17, "IQ2_XS", 256, 74),
        new(18, "IQ3_XXS", 256, 98),
        new(19, "IQ1_S", 256, 50),
        new(20, "IQ4_NL", 32, 18, TensorFormat.IQ4_NL),
        new(21, "IQ3_S", 256, 110),
        new(22, "IQ2_S", 256, 82),
        new(23, "IQ4_XS", 256, 136, TensorFormat.IQ4_XS),
        new(24, "I8", 1, 1),
        new(25, "I16", 1, 2),
        new(26, "I32", 1, 4),
        new(27, "I64", 1, 8),
        new(28, "F64", 1, 8),
        new(29, "IQ1_M", 256, 56),
        new(30, "BF16", 1, 2, TensorFormat.BF16),
        new(34, "TQ1_0", 256, 54),
        new(35, "TQ2_0", 256, 66),
        new(39, "MXFP4", 32, 17, TensorFormat.MXFP4),
    }.ToFrozenDictionary(type => type.Id);

    /// <summary>The type with a number; null if nothing is known of it, not even its size.</summary>
    public static GgmlType? Find(uint id) => ById.GetValueOrDefault(id);

    /// <summary>The type that stores a format.</summary>
    public static GgmlType Of(TensorFormat format) => ById.Values.First(type => type.Format == format);
}
