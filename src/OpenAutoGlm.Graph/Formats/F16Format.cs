using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// IEEE 754 binary16, two bytes an element. Writing rounds to nearest even and keeps NaN and infinities; a finite value
/// that would become infinite (65520 and beyond) is refused.
/// </summary>
sealed class F16Format : BlockFormat
{
    /// <summary>The first value that rounds past 65504, the largest binary16.</summary>
    const float FirstTooLarge = 65520;

    public override TensorFormat Format => TensorFormat.F16;
    public override int BlockElements => 1;
    public override int BlockBytes => sizeof(ushort);
    public override bool CanQuantize => true;

    private protected override void Read(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(blocks);
        int i = 0;
        for (; i <= values.Length - 16; i += 16)
        {
            (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(Vector256.Create(halves[i..]));
            Binary16.ToSingle(lower.AsInt32()).CopyTo(values[i..]);
            Binary16.ToSingle(upper.AsInt32()).CopyTo(values[(i + 8)..]);
        }

        for (; i < values.Length; i++)
        {
            values[i] = Binary16.ToSingle(halves[i]);
        }
    }

    private protected override void Write(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        RefuseOverflow(values);
        Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(blocks);
        int i = 0;
        for (; i <= values.Length - 16; i += 16)
        {
            Vector256<uint> lower = Binary16.FromSingle(Vector256.Create(values[i..])).AsUInt32();
            Vector256<uint> upper = Binary16.FromSingle(Vector256.Create(values[(i + 8)..])).AsUInt32();
            Vector256.Narrow(lower, upper).CopyTo(halves[i..]);
        }

        for (; i < values.Length; i++)
        {
            halves[i] = Binary16.FromSingle(values[i]);
        }
    }

    static void RefuseOverflow(ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (MathF.Abs(values[i]) >= FirstTooLarge && float.IsFinite(values[i]))
            {
                throw new ArgumentException($"The value {values[i]} at index {i} is too large for F16 (at most 65504); store the tensor as BF16 or F32.", nameof(values));
            }
        }
    }
}
