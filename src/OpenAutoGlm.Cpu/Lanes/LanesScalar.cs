using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>Sixteen scalars: what the vectors are compared with, and what runs where there are none.</summary>
unsafe struct LanesScalar : ILanes<LanesScalar>
{
    fixed int _lanes[16];

    // Byte products are left out, so that comparing with this twin compares the two ways of multiplying too.
    public static bool HasByteProducts => false;

    public static LanesScalar Zero => default;

    public static LanesScalar Load(void* from) => LoadFirst(from, 16);

    public static LanesScalar LoadFirst(void* from, int count)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < count; i++)
        {
            lanes._lanes[i] = ((int*)from)[i];
        }

        return lanes;
    }

    public static LanesScalar LoadQuads(byte* first, byte* second, byte* third, byte* fourth)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 4; i++)
        {
            lanes._lanes[i] = ((int*)first)[i];
            lanes._lanes[i + 4] = ((int*)second)[i];
            lanes._lanes[i + 8] = ((int*)third)[i];
            lanes._lanes[i + 12] = ((int*)fourth)[i];
        }

        return lanes;
    }

    public static LanesScalar LoadSameQuad(void* from) => LoadQuads((byte*)from, (byte*)from, (byte*)from, (byte*)from);

    public static LanesScalar LoadBytes(byte* from)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = from[i];
        }

        return lanes;
    }

    public static LanesScalar LoadSignedBytes(sbyte* from)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = from[i];
        }

        return lanes;
    }

    public static LanesScalar LoadHalves(ushort* from)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = from[i];
        }

        return lanes;
    }

    public static void Store(LanesScalar lanes, void* to) => StoreFirst(lanes, to, 16);

    public static void StoreFirst(LanesScalar lanes, void* to, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ((int*)to)[i] = lanes._lanes[i];
        }
    }

    public static void StoreUpperHalves(LanesScalar lanes, ushort* to)
    {
        for (int i = 0; i < 16; i++)
        {
            to[i] = (ushort)(lanes._lanes[i] >>> 16);
        }
    }

    public static LanesScalar Broadcast(float value) => BroadcastInt(BitConverter.SingleToInt32Bits(value));

    public static LanesScalar BroadcastInt(int value)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = value;
        }

        return lanes;
    }

    public static LanesScalar operator +(LanesScalar a, LanesScalar b) => Map<SumOf>(a, b, default);

    public static LanesScalar operator -(LanesScalar a, LanesScalar b) => Map<DifferenceOf>(a, b, default);

    public static LanesScalar operator *(LanesScalar a, LanesScalar b) => Map<ProductOf>(a, b, default);

    public static LanesScalar operator /(LanesScalar a, LanesScalar b) => Map<QuotientOf>(a, b, default);

    public static LanesScalar MultiplyAdd(LanesScalar a, LanesScalar b, LanesScalar c) => Map<MultiplyAddOf>(a, b, c);

    public static LanesScalar Max(LanesScalar a, LanesScalar b) => Map<MaxOf>(a, b, default);

    public static LanesScalar Min(LanesScalar a, LanesScalar b) => Map<MinOf>(a, b, default);

    public static LanesScalar Abs(LanesScalar a) => And(a, BroadcastInt(int.MaxValue));

    public static LanesScalar Round(LanesScalar a) => Map<RoundOf>(a, default, default);

    public static LanesScalar Less(LanesScalar a, LanesScalar b) => Map<LessOf>(a, b, default);

    public static LanesScalar Select(LanesScalar mask, LanesScalar a, LanesScalar b) => MapInts<SelectOf>(mask, a, b);

    public static LanesScalar SwapNeighbours(LanesScalar a)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = a._lanes[i ^ 1];
        }

        return lanes;
    }

    public static float Sum(LanesScalar a)
    {
        float* lanes = (float*)a._lanes;
        for (int half = 8; half > 0; half /= 2)
        {
            for (int i = 0; i < half; i++)
            {
                lanes[i] += lanes[i + half];
            }
        }

        return lanes[0];
    }

    public static float Largest(LanesScalar a)
    {
        float* lanes = (float*)a._lanes;
        float largest = lanes[0];
        for (int i = 1; i < 16; i++)
        {
            largest = MathF.Max(largest, lanes[i]);
        }

        return largest;
    }

    public static LanesScalar ToFloats(LanesScalar ints) => MapInts<ToFloatOf>(ints, default, default);

    public static LanesScalar ToInts(LanesScalar floats) => MapInts<ToIntOf>(floats, default, default);

    public static Vector128<sbyte> ToBytes(LanesScalar ints)
    {
        Vector128<sbyte> bytes = default;
        for (int i = 0; i < 16; i++)
        {
            bytes = bytes.WithElement(i, (sbyte)ints._lanes[i]);
        }

        return bytes;
    }

    public static LanesScalar AddInts(LanesScalar a, LanesScalar b) => MapInts<IntSumOf>(a, b, default);

    public static LanesScalar SubtractInts(LanesScalar a, LanesScalar b) => MapInts<IntDifferenceOf>(a, b, default);

    public static LanesScalar ShiftLeftInts(LanesScalar a, int count) => MapInts<ShiftLeftOf>(a, BroadcastInt(count), default);

    public static LanesScalar ShiftRightInts(LanesScalar a, int count) => MapInts<ShiftRightOf>(a, BroadcastInt(count), default);

    public static LanesScalar EqualInts(LanesScalar a, LanesScalar b) => MapInts<EqualOf>(a, b, default);

    public static LanesScalar And(LanesScalar a, LanesScalar b) => MapInts<AndOf>(a, b, default);

    public static LanesScalar Or(LanesScalar a, LanesScalar b) => MapInts<OrOf>(a, b, default);

    public static LanesScalar ShiftRightShorts(LanesScalar a, int count)
    {
        for (int i = 0; i < 32; i++)
        {
            ((ushort*)a._lanes)[i] >>= count;
        }

        return a;
    }

    public static LanesScalar ShiftLeftShorts(LanesScalar a, int count)
    {
        for (int i = 0; i < 32; i++)
        {
            ((ushort*)a._lanes)[i] <<= count;
        }

        return a;
    }

    public static LanesScalar EvenBytes(LanesScalar a)
    {
        for (int i = 0; i < 32; i++)
        {
            ((short*)a._lanes)[i] = ((sbyte*)a._lanes)[2 * i];
        }

        return a;
    }

    public static LanesScalar OddBytes(LanesScalar a)
    {
        for (int i = 0; i < 32; i++)
        {
            ((short*)a._lanes)[i] = ((sbyte*)a._lanes)[(2 * i) + 1];
        }

        return a;
    }

    public static LanesScalar AddBytes(LanesScalar a, LanesScalar b)
    {
        for (int i = 0; i < 64; i++)
        {
            ((byte*)a._lanes)[i] += ((byte*)b._lanes)[i];
        }

        return a;
    }

    public static LanesScalar AddShorts(LanesScalar a, LanesScalar b)
    {
        for (int i = 0; i < 32; i++)
        {
            ((short*)a._lanes)[i] += ((short*)b._lanes)[i];
        }

        return a;
    }

    public static LanesScalar MultiplyShorts(LanesScalar a, LanesScalar b)
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = (((short*)a._lanes)[2 * i] * ((short*)b._lanes)[2 * i])
                + (((short*)a._lanes)[(2 * i) + 1] * ((short*)b._lanes)[(2 * i) + 1]);
        }

        return lanes;
    }

    public static LanesScalar MultiplyBytes(LanesScalar unsigned, LanesScalar signed) => throw new NotSupportedException();

    public static LanesScalar LookUp(LanesScalar table, LanesScalar indices)
    {
        for (int i = 0; i < 64; i++)
        {
            ((byte*)indices._lanes)[i] = ((byte*)table._lanes)[(i / 16 * 16) + ((byte*)indices._lanes)[i]];
        }

        return indices;
    }

    static LanesScalar Map<TFunction>(LanesScalar a, LanesScalar b, LanesScalar c)
        where TFunction : IFloatFunction
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            ((float*)lanes._lanes)[i] = TFunction.Of(((float*)a._lanes)[i], ((float*)b._lanes)[i], ((float*)c._lanes)[i]);
        }

        return lanes;
    }

    static LanesScalar MapInts<TFunction>(LanesScalar a, LanesScalar b, LanesScalar c)
        where TFunction : IIntFunction
    {
        LanesScalar lanes = default;
        for (int i = 0; i < 16; i++)
        {
            lanes._lanes[i] = TFunction.Of(a._lanes[i], b._lanes[i], c._lanes[i]);
        }

        return lanes;
    }

    interface IFloatFunction
    {
        static abstract float Of(float a, float b, float c);
    }

    interface IIntFunction
    {
        static abstract int Of(int a, int b, int c);
    }

    struct SumOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => a + b;
    }

    struct DifferenceOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => a - b;
    }

    struct ProductOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => a * b;
    }

    struct QuotientOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => a / b;
    }

    struct MultiplyAddOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);
    }

    struct MaxOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => MathF.Max(a, b);
    }

    struct MinOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => MathF.Min(a, b);
    }

    struct RoundOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => MathF.Round(a, MidpointRounding.ToEven);
    }

    struct LessOf : IFloatFunction
    {
        public static float Of(float a, float b, float c) => BitConverter.Int32BitsToSingle(a < b ? -1 : 0);
    }

    struct SelectOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => (a & b) | (~a & c);
    }

    struct ToFloatOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => BitConverter.SingleToInt32Bits(a);
    }

    struct ToIntOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => (int)MathF.Round(BitConverter.Int32BitsToSingle(a), MidpointRounding.ToEven);
    }

    struct IntSumOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a + b;
    }

    struct IntDifferenceOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a - b;
    }

    struct ShiftLeftOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a << b;
    }

    struct ShiftRightOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a >> b;
    }

    struct EqualOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a == b ? -1 : 0;
    }

    struct AndOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a & b;
    }

    struct OrOf : IIntFunction
    {
        public static int Of(int a, int b, int c) => a | b;
    }
}
