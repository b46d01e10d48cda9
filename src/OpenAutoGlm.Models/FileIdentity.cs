using System.Globalization;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models;

/// <summary>
/// Tells a file of weights from every other without reading all of it: its size, the time of its last change, and a
/// checksum of everything before the first tensor and of the middle of every tensor. Size and time catch the ordinary
/// replacement; the header catches another model, and the samples another training of the same model whose file was
/// given the same time, as archives and images of containers do. Not caught is a change within a tensor that keeps
/// the time and misses the sample, which no program makes by accident.
/// </summary>
static class FileIdentity
{
    const int SampleBytes = 1024;

    /// <summary>The identity as a short text.</summary>
    public static string Of(MappedFile map, IReadOnlyList<TensorInfo> tensors)
    {
        long start = tensors.Count == 0 ? map.Length : tensors.Min(tensor => tensor.Offset);
        ulong sum = ContentSum.Of(map.Bytes(0, (int)Math.Min(start, int.MaxValue)));
        foreach (TensorInfo tensor in tensors)
        {
            // A tensor of an unknown type has no size that would be known; it is not computed with either.
            int count = (int)Math.Min(tensor.Bytes, SampleBytes);
            sum = ContentSum.Of(map.Bytes(tensor.Offset + ((tensor.Bytes - count) / 2), count), sum);
        }

        long changed = File.GetLastWriteTimeUtc(map.Path).Ticks;
        return string.Create(CultureInfo.InvariantCulture, $"{map.Length:x}-{changed:x}-{sum:x16}");
    }
}
