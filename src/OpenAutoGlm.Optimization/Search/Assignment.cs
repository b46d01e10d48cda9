using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>A format for every group, and one for keys and values: everything that the search decides.</summary>
/// <param name="Formats">By group.</param>
/// <param name="KvFormat">Keys and values.</param>
public sealed record Assignment(ImmutableArray<TensorFormat> Formats, TensorFormat KvFormat)
{
    /// <inheritdoc/>
    public bool Equals(Assignment? other) => other is not null && KvFormat == other.KvFormat && Formats.AsSpan().SequenceEqual(other.Formats.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => Formats.Aggregate((int)KvFormat, HashCode.Combine);
}
