using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>Two 256-bit registers of AVX2.</summary>
readonly unsafe struct Lanes256 : ILanes<Lanes256>
{
    readonly Vector256<float> _lower;
    readonly Vector256<float> _upper;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Lanes256(Vector256<float> lower, Vector256<float> upper) => (_lower, _upper) = (lower, upper);

    public static bool HasByteProducts => Avx2.IsSupported;

    public static bool HasByteSums => AvxVnni.IsSupported;

    public static Lanes256 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(void* from) => new(Vector256.Load((float*)from), Vector256.Load((float*)from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadFirst(void* from, int count) => count == ILanes<Lanes256>.Count ? Load(from) : LaneParts.Load<Lanes256>(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadQuads(byte* first, byte* second, byte* third, byte* fourth) => new(Vector256.Create(Vector128.Load((float*)first), Vector128.Load((float*)second)), Vector256.Create(Vector128.Load((float*)third), Vector128.Load((float*)fourth)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadSameQuad(void* from)
    {
        Vector256<float> quads = Avx.BroadcastVector128ToVector256((float*)from);
        return new(quads, quads);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadHalves(ushort* from) => new(Avx2.ConvertToVector256Int32(from).AsSingle(), Avx2.ConvertToVector256Int32(from + 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBytes(byte* from) => new(Avx2.ConvertToVector256Int32(from).AsSingle(), Avx2.ConvertToVector256Int32(from + 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadSignedBytes(sbyte* from) => new(Avx2.ConvertToVector256Int32(from).AsSingle(), Avx2.ConvertToVector256Int32(from + 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 lanes, void* to)
    {
        lanes._lower.Store((float*)to);
        lanes._upper.Store((float*)to + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(Lanes256 lanes, void* to, int count)
    {
        if (count == ILanes<Lanes256>.Count)
        {
            Store(lanes, to);
        }
        else
        {
            LaneParts.Store(lanes, to, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpperHalves(Lanes256 lanes, ushort* to) =>
        Vector256.Narrow(Vector256.ShiftRightLogical(lanes._lower.AsUInt32(), 16), Vector256.ShiftRightLogical(lanes._upper.AsUInt32(), 16)).Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Broadcast(float value)
    {
        Vector256<float> all = Vector256.Create(value);
        return new(all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 BroadcastInt(int value)
    {
        Vector256<float> all = Vector256.Create(value).AsSingle();
        return new(all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a._lower + b._lower, a._upper + b._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a._lower - b._lower, a._upper - b._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a._lower * b._lower, a._upper * b._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a._lower / b._lower, a._upper / b._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.FusedMultiplyAdd(a._lower, b._lower, c._lower), Vector256.FusedMultiplyAdd(a._upper, b._upper, c._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => new(Vector256.Max(a._lower, b._lower), Vector256.Max(a._upper, b._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) => new(Vector256.Min(a._lower, b._lower), Vector256.Min(a._upper, b._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Abs(Lanes256 a) => new(Vector256.Abs(a._lower), Vector256.Abs(a._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 a) => new(Avx.RoundToNearestInteger(a._lower), Avx.RoundToNearestInteger(a._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Less(Lanes256 a, Lanes256 b) => new(Vector256.LessThan(a._lower, b._lower), Vector256.LessThan(a._upper, b._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Select(Lanes256 mask, Lanes256 a, Lanes256 b) => new(Vector256.ConditionalSelect(mask._lower, a._lower, b._lower), Vector256.ConditionalSelect(mask._upper, a._upper, b._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SwapNeighbours(Lanes256 a) => new(Avx.Permute(a._lower, 0b10_11_00_01), Avx.Permute(a._upper, 0b10_11_00_01));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 a)
    {
        Vector256<float> eight = a._lower + a._upper;
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        Vector128<float> two = (four) + (Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes256 a)
    {
        Vector256<float> eight = Vector256.Max(a._lower, a._upper);
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return MathF.Max(two.ToScalar(), two.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ToFloats(Lanes256 ints) => new(Vector256.ConvertToSingle(ints._lower.AsInt32()), Vector256.ConvertToSingle(ints._upper.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ToInts(Lanes256 floats) => new(Avx.ConvertToVector256Int32(floats._lower).AsSingle(), Avx.ConvertToVector256Int32(floats._upper).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> ToBytes(Lanes256 ints) => Sse2.PackSignedSaturate(
        Sse2.PackSignedSaturate(ints._lower.GetLower().AsInt32(), ints._lower.GetUpper().AsInt32()),
        Sse2.PackSignedSaturate(ints._upper.GetLower().AsInt32(), ints._upper.GetUpper().AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddInts(Lanes256 a, Lanes256 b) => new((a._lower.AsInt32() + b._lower.AsInt32()).AsSingle(), (a._upper.AsInt32() + b._upper.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SubtractInts(Lanes256 a, Lanes256 b) => new((a._lower.AsInt32() - b._lower.AsInt32()).AsSingle(), (a._upper.AsInt32() - b._upper.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ShiftLeftInts(Lanes256 a, int count) => new(Vector256.ShiftLeft(a._lower.AsInt32(), count).AsSingle(), Vector256.ShiftLeft(a._upper.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ShiftRightInts(Lanes256 a, int count) => new(Vector256.ShiftRightArithmetic(a._lower.AsInt32(), count).AsSingle(), Vector256.ShiftRightArithmetic(a._upper.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 EqualInts(Lanes256 a, Lanes256 b) => new(Vector256.Equals(a._lower.AsInt32(), b._lower.AsInt32()).AsSingle(), Vector256.Equals(a._upper.AsInt32(), b._upper.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 And(Lanes256 a, Lanes256 b) => new(a._lower & b._lower, a._upper & b._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Or(Lanes256 a, Lanes256 b) => new(a._lower | b._lower, a._upper | b._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ShiftRightShorts(Lanes256 a, int count) => new(Vector256.ShiftRightLogical(a._lower.AsUInt16(), count).AsSingle(), Vector256.ShiftRightLogical(a._upper.AsUInt16(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ShiftLeftShorts(Lanes256 a, int count) => new(Vector256.ShiftLeft(a._lower.AsUInt16(), count).AsSingle(), Vector256.ShiftLeft(a._upper.AsUInt16(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 EvenBytes(Lanes256 a) => new(Vector256.ShiftRightArithmetic(Vector256.ShiftLeft(a._lower.AsInt16(), 8), 8).AsSingle(), Vector256.ShiftRightArithmetic(Vector256.ShiftLeft(a._upper.AsInt16(), 8), 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 OddBytes(Lanes256 a) => new(Vector256.ShiftRightArithmetic(a._lower.AsInt16(), 8).AsSingle(), Vector256.ShiftRightArithmetic(a._upper.AsInt16(), 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddBytes(Lanes256 a, Lanes256 b) => new((a._lower.AsByte() + b._lower.AsByte()).AsSingle(), (a._upper.AsByte() + b._upper.AsByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddShorts(Lanes256 a, Lanes256 b) => new((a._lower.AsInt16() + b._lower.AsInt16()).AsSingle(), (a._upper.AsInt16() + b._upper.AsInt16()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyShorts(Lanes256 a, Lanes256 b) => new(Avx2.MultiplyAddAdjacent(a._lower.AsInt16(), b._lower.AsInt16()).AsSingle(), Avx2.MultiplyAddAdjacent(a._upper.AsInt16(), b._upper.AsInt16()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyBytes(Lanes256 unsigned, Lanes256 signed) => new(Avx2.MultiplyAddAdjacent(unsigned._lower.AsByte(), signed._lower.AsSByte()).AsSingle(), Avx2.MultiplyAddAdjacent(unsigned._upper.AsByte(), signed._upper.AsSByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddByteProducts(Lanes256 sum, Lanes256 unsigned, Lanes256 signed) => new(
        AvxVnni.MultiplyWideningAndAdd(sum._lower.AsInt32(), unsigned._lower.AsByte(), signed._lower.AsSByte()).AsSingle(),
        AvxVnni.MultiplyWideningAndAdd(sum._upper.AsInt32(), unsigned._upper.AsByte(), signed._upper.AsSByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LookUp(Lanes256 table, Lanes256 indices) => new(Avx2.Shuffle(table._lower.AsByte(), indices._lower.AsByte()).AsSingle(), Avx2.Shuffle(table._upper.AsByte(), indices._upper.AsByte()).AsSingle());
}
