using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models;

/// <summary>What a model file says of one tensor.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Extents">Extents, slowest first, so a matrix is [out, in].</param>
/// <param name="TypeName">The element type as the file's format spells it, such as Q4_K, IQ2_XXS or F8_E4M3.</param>
/// <param name="Format">The format to compute with; null if this type can only be listed.</param>
/// <param name="Offset">Where the elements begin, in bytes from the start of the file.</param>
/// <param name="Bytes">Bytes of the elements; 0 where the size of the type is unknown.</param>
public sealed record TensorInfo(string Name, ImmutableArray<int> Extents, string TypeName, TensorFormat? Format, long Offset, long Bytes)
{
    /// <summary>The product of the extents.</summary>
    public long Elements => Extents.Aggregate(1L, (count, extent) => checked(count * extent));

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {TypeName}[{string.Join(", ", Extents)}]";

    /// <summary>The tensor over the mapping that holds it. More than four extents become [first, all others].</summary>
    internal unsafe Tensor Over(MappedFile map, string remedy)
    {
        if (Format is not { } format)
        {
            throw new ModelFormatException(map.Path, Name, $"the tensor is stored as {TypeName}, which cannot be computed with; {remedy}.");
        }

        if (Extents.IsEmpty || Extents.Contains(0) || Elements / Extents[^1] > int.MaxValue)
        {
            throw new ModelFormatException(map.Path, Name, $"the shape [{string.Join(", ", Extents)}] has no rows or too many.");
        }

        int[] extents = Extents.Length > Shape.MaxRank ? [Extents[0], RestOf(map)] : [.. Extents];
        Shape shape = new([.. extents.Select(extent => new Dim(extent))]);
        return new Tensor(new TensorType(shape, format), map.Pointer + Offset, map);
    }

    int RestOf(MappedFile map) => Elements / Extents[0] is <= int.MaxValue and long rest
        ? (int)rest
        : throw new ModelFormatException(map.Path, Name, $"the shape [{string.Join(", ", Extents)}] has too long rows.");
}
