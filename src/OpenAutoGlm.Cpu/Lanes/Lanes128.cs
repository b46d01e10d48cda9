using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>Four 128-bit registers of any processor.</summary>
readonly unsafe struct Lanes128 : ILanes<Lanes128>
{
    readonly Vector128<float> _a;
    readonly Vector128<float> _b;
    readonly Vector128<float> _c;
    readonly Vector128<float> _d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Lanes128(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) => (_a, _b, _c, _d) = (a, b, c, d);

    public static bool HasByteProducts => Ssse3.IsSupported;

    public static bool HasByteSums => Dp.IsSupported;

    public static bool SumsSignedBytes => Dp.IsSupported;

    public static Lanes128 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(void* from) => new(Vector128.Load((float*)from), Vector128.Load((float*)from + 4), Vector128.Load((float*)from + 8), Vector128.Load((float*)from + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadFirst(void* from, int count) => count == ILanes<Lanes128>.Count ? Load(from) : LaneParts.Load<Lanes128>(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadQuads(byte* first, byte* second, byte* third, byte* fourth) => new(Vector128.Load((float*)first), Vector128.Load((float*)second), Vector128.Load((float*)third), Vector128.Load((float*)fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadSameQuad(void* from)
    {
        Vector128<float> quad = Vector128.Load((float*)from);
        return new(quad, quad, quad, quad);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadHalves(ushort* from)
    {
        (Vector128<uint> a, Vector128<uint> b) = Vector128.Widen(Vector128.Load(from));
        (Vector128<uint> c, Vector128<uint> d) = Vector128.Widen(Vector128.Load(from + 8));
        return new(a.AsSingle(), b.AsSingle(), c.AsSingle(), d.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBytes(byte* from)
    {
        (Vector128<ushort> lower, Vector128<ushort> upper) = Vector128.Widen(Vector128.Load(from));
        (Vector128<uint> a, Vector128<uint> b) = Vector128.Widen(lower);
        (Vector128<uint> c, Vector128<uint> d) = Vector128.Widen(upper);
        return new(a.AsSingle(), b.AsSingle(), c.AsSingle(), d.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadSignedBytes(sbyte* from)
    {
        (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(Vector128.Load(from));
        (Vector128<int> a, Vector128<int> b) = Vector128.Widen(lower);
        (Vector128<int> c, Vector128<int> d) = Vector128.Widen(upper);
        return new(a.AsSingle(), b.AsSingle(), c.AsSingle(), d.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 lanes, void* to)
    {
        lanes._a.Store((float*)to);
        lanes._b.Store((float*)to + 4);
        lanes._c.Store((float*)to + 8);
        lanes._d.Store((float*)to + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(Lanes128 lanes, void* to, int count)
    {
        if (count == ILanes<Lanes128>.Count)
        {
            Store(lanes, to);
        }
        else
        {
            LaneParts.Store(lanes, to, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpperHalves(Lanes128 lanes, ushort* to)
    {
        Vector128.Narrow(Vector128.ShiftRightLogical(lanes._a.AsUInt32(), 16), Vector128.ShiftRightLogical(lanes._b.AsUInt32(), 16)).Store(to);
        Vector128.Narrow(Vector128.ShiftRightLogical(lanes._c.AsUInt32(), 16), Vector128.ShiftRightLogical(lanes._d.AsUInt32(), 16)).Store(to + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float value)
    {
        Vector128<float> all = Vector128.Create(value);
        return new(all, all, all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 BroadcastInt(int value)
    {
        Vector128<float> all = Vector128.Create(value).AsSingle();
        return new(all, all, all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new(a._a + b._a, a._b + b._b, a._c + b._c, a._d + b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new(a._a - b._a, a._b - b._b, a._c - b._c, a._d - b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new(a._a * b._a, a._b * b._b, a._c * b._c, a._d * b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new(a._a / b._a, a._b / b._b, a._c / b._c, a._d / b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.FusedMultiplyAdd(a._a, b._a, c._a), Vector128.FusedMultiplyAdd(a._b, b._b, c._b), Vector128.FusedMultiplyAdd(a._c, b._c, c._c), Vector128.FusedMultiplyAdd(a._d, b._d, c._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) => new(Vector128.Max(a._a, b._a), Vector128.Max(a._b, b._b), Vector128.Max(a._c, b._c), Vector128.Max(a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 a, Lanes128 b) => new(Vector128.Min(a._a, b._a), Vector128.Min(a._b, b._b), Vector128.Min(a._c, b._c), Vector128.Min(a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 a) => new(Vector128.Abs(a._a), Vector128.Abs(a._b), Vector128.Abs(a._c), Vector128.Abs(a._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 a) => new(Vector128.Round(a._a), Vector128.Round(a._b), Vector128.Round(a._c), Vector128.Round(a._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Less(Lanes128 a, Lanes128 b) => new(Vector128.LessThan(a._a, b._a), Vector128.LessThan(a._b, b._b), Vector128.LessThan(a._c, b._c), Vector128.LessThan(a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Select(Lanes128 mask, Lanes128 a, Lanes128 b) => new(Vector128.ConditionalSelect(mask._a, a._a, b._a), Vector128.ConditionalSelect(mask._b, a._b, b._b), Vector128.ConditionalSelect(mask._c, a._c, b._c), Vector128.ConditionalSelect(mask._d, a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SwapNeighbours(Lanes128 a) => new(Vector128.Shuffle(a._a, Vector128.Create(1, 0, 3, 2)), Vector128.Shuffle(a._b, Vector128.Create(1, 0, 3, 2)), Vector128.Shuffle(a._c, Vector128.Create(1, 0, 3, 2)), Vector128.Shuffle(a._d, Vector128.Create(1, 0, 3, 2)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 a)
    {
        Vector128<float> four = (a._a + a._c) + (a._b + a._d);
        Vector128<float> two = (four) + (Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes128 a)
    {
        Vector128<float> four = Vector128.Max(Vector128.Max(a._a, a._c), Vector128.Max(a._b, a._d));
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return MathF.Max(two.ToScalar(), two.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ToFloats(Lanes128 ints) => new(Vector128.ConvertToSingle(ints._a.AsInt32()), Vector128.ConvertToSingle(ints._b.AsInt32()), Vector128.ConvertToSingle(ints._c.AsInt32()), Vector128.ConvertToSingle(ints._d.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ToInts(Lanes128 floats) => new(Vector128.ConvertToInt32(floats._a).AsSingle(), Vector128.ConvertToInt32(floats._b).AsSingle(), Vector128.ConvertToInt32(floats._c).AsSingle(), Vector128.ConvertToInt32(floats._d).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> ToBytes(Lanes128 ints) => Vector128.Narrow(
        Vector128.Narrow(ints._a.AsInt32(), ints._b.AsInt32()),
        Vector128.Narrow(ints._c.AsInt32(), ints._d.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddInts(Lanes128 a, Lanes128 b) => new((a._a.AsInt32() + b._a.AsInt32()).AsSingle(), (a._b.AsInt32() + b._b.AsInt32()).AsSingle(), (a._c.AsInt32() + b._c.AsInt32()).AsSingle(), (a._d.AsInt32() + b._d.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SubtractInts(Lanes128 a, Lanes128 b) => new((a._a.AsInt32() - b._a.AsInt32()).AsSingle(), (a._b.AsInt32() - b._b.AsInt32()).AsSingle(), (a._c.AsInt32() - b._c.AsInt32()).AsSingle(), (a._d.AsInt32() - b._d.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ShiftLeftInts(Lanes128 a, int count) => new(Vector128.ShiftLeft(a._a.AsInt32(), count).AsSingle(), Vector128.ShiftLeft(a._b.AsInt32(), count).AsSingle(), Vector128.ShiftLeft(a._c.AsInt32(), count).AsSingle(), Vector128.ShiftLeft(a._d.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ShiftRightInts(Lanes128 a, int count) => new(Vector128.ShiftRightArithmetic(a._a.AsInt32(), count).AsSingle(), Vector128.ShiftRightArithmetic(a._b.AsInt32(), count).AsSingle(), Vector128.ShiftRightArithmetic(a._c.AsInt32(), count).AsSingle(), Vector128.ShiftRightArithmetic(a._d.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 EqualInts(Lanes128 a, Lanes128 b) => new(Vector128.Equals(a._a.AsInt32(), b._a.AsInt32()).AsSingle(), Vector128.Equals(a._b.AsInt32(), b._b.AsInt32()).AsSingle(), Vector128.Equals(a._c.AsInt32(), b._c.AsInt32()).AsSingle(), Vector128.Equals(a._d.AsInt32(), b._d.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 And(Lanes128 a, Lanes128 b) => new(a._a & b._a, a._b & b._b, a._c & b._c, a._d & b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Or(Lanes128 a, Lanes128 b) => new(a._a | b._a, a._b | b._b, a._c | b._c, a._d | b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ShiftRightShorts(Lanes128 a, int count) => new(Vector128.ShiftRightLogical(a._a.AsUInt16(), count).AsSingle(), Vector128.ShiftRightLogical(a._b.AsUInt16(), count).AsSingle(), Vector128.ShiftRightLogical(a._c.AsUInt16(), count).AsSingle(), Vector128.ShiftRightLogical(a._d.AsUInt16(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ShiftLeftShorts(Lanes128 a, int count) => new(Vector128.ShiftLeft(a._a.AsUInt16(), count).AsSingle(), Vector128.ShiftLeft(a._b.AsUInt16(), count).AsSingle(), Vector128.ShiftLeft(a._c.AsUInt16(), count).AsSingle(), Vector128.ShiftLeft(a._d.AsUInt16(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 EvenBytes(Lanes128 a) => new(Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(a._a.AsInt16(), 8), 8).AsSingle(), Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(a._b.AsInt16(), 8), 8).AsSingle(), Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(a._c.AsInt16(), 8), 8).AsSingle(), Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(a._d.AsInt16(), 8), 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 OddBytes(Lanes128 a) => new(Vector128.ShiftRightArithmetic(a._a.AsInt16(), 8).AsSingle(), Vector128.ShiftRightArithmetic(a._b.AsInt16(), 8).AsSingle(), Vector128.ShiftRightArithmetic(a._c.AsInt16(), 8).AsSingle(), Vector128.ShiftRightArithmetic(a._d.AsInt16(), 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddBytes(Lanes128 a, Lanes128 b) => new((a._a.AsByte() + b._a.AsByte()).AsSingle(), (a._b.AsByte() + b._b.AsByte()).AsSingle(), (a._c.AsByte() + b._c.AsByte()).AsSingle(), (a._d.AsByte() + b._d.AsByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddShorts(Lanes128 a, Lanes128 b) => new((a._a.AsInt16() + b._a.AsInt16()).AsSingle(), (a._b.AsInt16() + b._b.AsInt16()).AsSingle(), (a._c.AsInt16() + b._c.AsInt16()).AsSingle(), (a._d.AsInt16() + b._d.AsInt16()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyShorts(Lanes128 a, Lanes128 b) => new(MultiplyShorts(a._a, b._a), MultiplyShorts(a._b, b._b), MultiplyShorts(a._c, b._c), MultiplyShorts(a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyBytes(Lanes128 unsigned, Lanes128 signed) => new(Ssse3.MultiplyAddAdjacent(unsigned._a.AsByte(), signed._a.AsSByte()).AsSingle(), Ssse3.MultiplyAddAdjacent(unsigned._b.AsByte(), signed._b.AsSByte()).AsSingle(), Ssse3.MultiplyAddAdjacent(unsigned._c.AsByte(), signed._c.AsSByte()).AsSingle(), Ssse3.MultiplyAddAdjacent(unsigned._d.AsByte(), signed._d.AsSByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddByteProducts(Lanes128 sum, Lanes128 unsigned, Lanes128 signed) => new(
        Dp.DotProduct(sum._a.AsInt32(), unsigned._a.AsSByte(), signed._a.AsSByte()).AsSingle(),
        Dp.DotProduct(sum._b.AsInt32(), unsigned._b.AsSByte(), signed._b.AsSByte()).AsSingle(),
        Dp.DotProduct(sum._c.AsInt32(), unsigned._c.AsSByte(), signed._c.AsSByte()).AsSingle(),
        Dp.DotProduct(sum._d.AsInt32(), unsigned._d.AsSByte(), signed._d.AsSByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddQuadProducts(Lanes128 sum, Lanes128 unsigned, sbyte* signed, [ConstantExpected(Max = (byte)3)] byte quad)
    {
        Vector128<sbyte> four = Vector128.Load(signed);
        return new(
            Dp.DotProductBySelectedQuadruplet(sum._a.AsInt32(), unsigned._a.AsSByte(), four, quad).AsSingle(),
            Dp.DotProductBySelectedQuadruplet(sum._b.AsInt32(), unsigned._b.AsSByte(), four, quad).AsSingle(),
            Dp.DotProductBySelectedQuadruplet(sum._c.AsInt32(), unsigned._c.AsSByte(), four, quad).AsSingle(),
            Dp.DotProductBySelectedQuadruplet(sum._d.AsInt32(), unsigned._d.AsSByte(), four, quad).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LookUp(Lanes128 table, Lanes128 indices) => new(Vector128.Shuffle(table._a.AsByte(), indices._a.AsByte()).AsSingle(), Vector128.Shuffle(table._b.AsByte(), indices._b.AsByte()).AsSingle(), Vector128.Shuffle(table._c.AsByte(), indices._c.AsByte()).AsSingle(), Vector128.Shuffle(table._d.AsByte(), indices._d.AsByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> MultiplyShorts(Vector128<float> a, Vector128<float> b)
    {
        if (Sse2.IsSupported)
        {
            return Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16()).AsSingle();
        }

        if (AdvSimd.Arm64.IsSupported)
        {
            return AdvSimd.Arm64.AddPairwise(
                AdvSimd.MultiplyWideningLower(a.AsInt16().GetLower(), b.AsInt16().GetLower()),
                AdvSimd.MultiplyWideningUpper(a.AsInt16(), b.AsInt16())).AsSingle();
        }

        Vector128<int> even = Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(a.AsInt32(), 16), 16)
            * Vector128.ShiftRightArithmetic(Vector128.ShiftLeft(b.AsInt32(), 16), 16);
        Vector128<int> odd = Vector128.ShiftRightArithmetic(a.AsInt32(), 16) * Vector128.ShiftRightArithmetic(b.AsInt32(), 16);
        return (even + odd).AsSingle();
    }
}
