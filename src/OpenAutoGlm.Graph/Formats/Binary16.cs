using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// IEEE 754 binary16 to and from binary32 with integer arithmetic only, because the conversion of <see cref="Half"/> is
/// a software call per element. Each direction is written twice with the same steps: for one value and for eight.
/// </summary>
static class Binary16
{
    /// <summary>The exponent field moves from bias 15 to bias 127.</summary>
    const int BiasGap = 127 - 15;

    /// <summary>All exponent bits of a binary16 after the shift into binary32's place.</summary>
    const int ShiftedExponent = 0x7C00 << 13;

    /// <summary>2⁻¹⁴, the smallest normal binary16, as binary32 bits.</summary>
    const int SmallestNormal = (BiasGap + 1) << 23;

    /// <summary>2¹⁶, where binary16 ends, as binary32 bits.</summary>
    const int Overflow = (127 + 16) << 23;

    /// <summary>
    /// 1/2 as binary32 bits: adding it to a number below 2⁻¹⁴ moves the last binary16 place, 2⁻²⁴, to the last place of
    /// the sum, so that the adder rounds to nearest even.
    /// </summary>
    const int DenormalShift = 126 << 23;

    const int Infinity32 = 0x7F800000;
    const int Infinity16 = 0x7C00;

    /// <summary>The binary16 at the start of the bytes, little-endian.</summary>
    public static float Read(ReadOnlySpan<byte> bytes) => ToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes));

    /// <summary>Writes the nearest binary16, little-endian.</summary>
    public static void Write(Span<byte> bytes, float value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, FromSingle(value));

    /// <summary>The value of the nearest binary16, which is what a block keeps of a scale.</summary>
    public static float Round(float value) => ToSingle(FromSingle(value));

    public static float ToSingle(ushort half)
    {
        int bits = (half & 0x7FFF) << 13;
        int exponent = bits & ShiftedExponent;
        bits += BiasGap << 23;
        if (exponent == ShiftedExponent)
        {
            bits += (128 - 16) << 23;
        }
        else if (exponent == 0)
        {
            float denormal = BitConverter.Int32BitsToSingle(bits + (1 << 23)) - BitConverter.Int32BitsToSingle(SmallestNormal);
            bits = BitConverter.SingleToInt32Bits(denormal);
        }

        return BitConverter.Int32BitsToSingle(bits | ((half & 0x8000) << 16));
    }

    public static ushort FromSingle(float value)
    {
        int all = BitConverter.SingleToInt32Bits(value);
        int bits = all & int.MaxValue;
        int half;
        if (bits > Infinity32)
        {
            half = Infinity16 | 0x200 | ((bits >> 13) & 0x3FF);
        }
        else if (bits >= Overflow)
        {
            half = Infinity16;
        }
        else if (bits < SmallestNormal)
        {
            float shifted = BitConverter.Int32BitsToSingle(bits) + BitConverter.Int32BitsToSingle(DenormalShift);
            half = BitConverter.SingleToInt32Bits(shifted) - DenormalShift;
        }
        else
        {
            int odd = (bits >> 13) & 1;
            half = (bits - (BiasGap << 23) + 0xFFF + odd) >> 13;
        }

        return (ushort)(half | ((all >>> 16) & 0x8000));
    }

    /// <summary>Eight binary16 in the lower halves of eight integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToSingle(Vector256<int> halves)
    {
        Vector256<int> bits = Vector256.ShiftLeft(halves & Vector256.Create(0x7FFF), 13);
        Vector256<int> exponent = bits & Vector256.Create(ShiftedExponent);
        bits += Vector256.Create(BiasGap << 23);
        bits += Vector256.Equals(exponent, Vector256.Create(ShiftedExponent)) & Vector256.Create((128 - 16) << 23);
        Vector256<float> denormals = (bits + Vector256.Create(1 << 23)).AsSingle() - Vector256.Create(SmallestNormal).AsSingle();
        bits = Vector256.ConditionalSelect(Vector256.IsZero(exponent), denormals.AsInt32(), bits);
        return (bits | Vector256.ShiftLeft(halves & Vector256.Create(0x8000), 16)).AsSingle();
    }

    /// <summary>The nearest binary16 of each, in the lower halves of eight integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> FromSingle(Vector256<float> values)
    {
        Vector256<int> all = values.AsInt32();
        Vector256<int> bits = all & Vector256.Create(int.MaxValue);
        Vector256<int> odd = Vector256.ShiftRightLogical(bits, 13) & Vector256<int>.One;
        Vector256<int> half = Vector256.ShiftRightLogical(bits - Vector256.Create((BiasGap << 23) - 0xFFF) + odd, 13);

        Vector256<float> shifted = bits.AsSingle() + Vector256.Create(DenormalShift).AsSingle();
        Vector256<int> denormal = shifted.AsInt32() - Vector256.Create(DenormalShift);
        half = Vector256.ConditionalSelect(Vector256.LessThan(bits, Vector256.Create(SmallestNormal)), denormal, half);

        Vector256<int> notANumber = Vector256.Create(Infinity16 | 0x200) | (Vector256.ShiftRightLogical(bits, 13) & Vector256.Create(0x3FF));
        Vector256<int> special = Vector256.ConditionalSelect(
            Vector256.GreaterThan(bits, Vector256.Create(Infinity32)), notANumber, Vector256.Create(Infinity16));
        half = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(bits, Vector256.Create(Overflow)), special, half);
        return half | (Vector256.ShiftRightLogical(all, 16) & Vector256.Create(0x8000));
    }
}
