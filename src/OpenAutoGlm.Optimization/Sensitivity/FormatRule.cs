using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>Which formats a tensor can be given.</summary>
public static class FormatRule
{
    /// <summary>Every format that can be written, from the largest to the smallest.</summary>
    public static ImmutableArray<TensorFormat> Writable { get; } =
        [.. BlockFormat.All.Where(format => format.CanQuantize && format.Format != TensorFormat.I32).OrderByDescending(format => format.BitsPerElement).Select(format => format.Format)];

    /// <summary>Whether rows of that many elements are whole blocks of a format.</summary>
    public static bool Fits(TensorFormat format, int columns) => columns % BlockFormat.Of(format).BlockElements == 0;

    /// <summary>
    /// What a group can be given: its own format, and every allowed one of fewer bits that its rows are whole blocks of.
    /// More bits than the source has would add nothing.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="source">The format that its tensors have; of several the largest.</param>
    /// <param name="allowed">Formats that may be chosen; empty for all that can be written.</param>
    public static ImmutableArray<TensorFormat> ChoicesOf(TensorGroup group, TensorFormat source, IReadOnlyCollection<TensorFormat> allowed)
    {
        double bits = BlockFormat.Of(source).BitsPerElement;
        TensorFormat[] fitting =
        [
            .. Writable.Where(format => (allowed.Count == 0 || allowed.Contains(format)) && Fits(format, group.Columns) && format != source && BlockFormat.Of(format).BitsPerElement < bits),
        ];
        return allowed.Count == 0 || allowed.Contains(source) || fitting.Length == 0 ? [source, .. fitting] : [.. fitting];
    }

    /// <summary>What keys and values of heads of a width can be stored in.</summary>
    public static ImmutableArray<TensorFormat> KvChoicesOf(int headDim) => [.. KvLayout.Formats.Where(format => Fits(format, headDim))];
}
