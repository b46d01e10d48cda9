using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// The upper sixteen bits of a binary32, two bytes an element. Writing rounds to nearest even, keeps infinities, and
/// keeps NaN a (quiet) NaN.
/// </summary>
sealed class BF16Format : BlockFormat
{
    const int Infinity = 0x7F800000;
    const int QuietNaN = 0x00400000;

    public override TensorFormat Format => TensorFormat.BF16;
    public override int BlockElements => 1;
    public override int BlockBytes => sizeof(ushort);
    public override bool CanQuantize => true;

    internal static ushort FromSingle(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        return (ushort)(((bits & int.MaxValue) > Infinity ? bits | QuietNaN : bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    internal static Vector256<uint> FromSingle(Vector256<float> values)
    {
        Vector256<int> bits = values.AsInt32();
        Vector256<int> odd = Vector256.ShiftRightLogical(bits, 16) & Vector256<int>.One;
        Vector256<int> isNaN = Vector256.GreaterThan(bits & Vector256.Create(int.MaxValue), Vector256.Create(Infinity));
        bits = Vector256.ConditionalSelect(isNaN, bits | Vector256.Create(QuietNaN), bits + Vector256.Create(0x7FFF) + odd);
        return Vector256.ShiftRightLogical(bits, 16).AsUInt32();
    }

    private protected override void Read(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        ReadOnlySpan<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(blocks);
        int i = 0;
        for (; i <= values.Length - 16; i += 16)
        {
            (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(Vector256.Create(upperHalves[i..]));
            Vector256.ShiftLeft(lower, 16).AsSingle().CopyTo(values[i..]);
            Vector256.ShiftLeft(upper, 16).AsSingle().CopyTo(values[(i + 8)..]);
        }

        for (; i < values.Length; i++)
        {
            values[i] = BitConverter.Int32BitsToSingle(upperHalves[i] << 16);
        }
    }

    private protected override void Write(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(blocks);
        int i = 0;
        for (; i <= values.Length - 16; i += 16)
        {
            Vector256.Narrow(FromSingle(Vector256.Create(values[i..])), FromSingle(Vector256.Create(values[(i + 8)..])))
                .CopyTo(upperHalves[i..]);
        }

        for (; i < values.Length; i++)
        {
            upperHalves[i] = FromSingle(values[i]);
        }
    }
}
