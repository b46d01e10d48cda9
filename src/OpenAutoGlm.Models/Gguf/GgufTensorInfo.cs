using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>What a GGUF file says of one tensor.</summary>
/// <param name="Name">The name, such as blk.0.attn_q.weight.</param>
/// <param name="Extents">Extents, slowest first: the reverse of the file's order, so a matrix is [out, in].</param>
/// <param name="TypeName">The type as the field spells it, such as Q4_K or IQ2_XXS.</param>
/// <param name="Format">The format to compute with; null if this type can only be listed.</param>
/// <param name="Offset">Where the elements begin, from the start of the file.</param>
/// <param name="Bytes">Bytes of the elements; 0 where the size of the type is unknown.</param>
public sealed record GgufTensorInfo(string Name, ImmutableArray<int> Extents, string TypeName, TensorFormat? Format, long Offset, long Bytes)
{
    /// <summary>The product of the extents.</summary>
    public long Elements => Extents.Aggregate(1L, (count, extent) => checked(count * extent));

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {TypeName}[{string.Join(", ", Extents)}]";
}
