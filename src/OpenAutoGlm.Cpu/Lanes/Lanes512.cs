using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>One 512-bit register of AVX-512.</summary>
readonly unsafe struct Lanes512 : ILanes<Lanes512>
{
    readonly Vector512<float> _a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Lanes512(Vector512<float> a) => _a = a;

    /// <summary>The bits of the lanes.</summary>
    internal Vector512<uint> Bits => _a.AsUInt32();

    public static bool HasByteProducts => Avx512BW.IsSupported;

    public static Lanes512 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(void* from) => new(Vector512.Load((float*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadFirst(void* from, int count) => count == ILanes<Lanes512>.Count ? Load(from) : LaneParts.Load<Lanes512>(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadQuads(byte* first, byte* second, byte* third, byte* fourth) => new(
        Avx512F.InsertVector128(
            Avx512F.InsertVector128(
                Avx512F.InsertVector128(
                    Vector128.Load((float*)first).ToVector256Unsafe().ToVector512Unsafe(), Vector128.Load((float*)second), 1),
                Vector128.Load((float*)third),
                2),
            Vector128.Load((float*)fourth),
            3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadSameQuad(void* from) => new(Avx512F.BroadcastVector128ToVector512((float*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadHalves(ushort* from) => new(Avx512F.ConvertToVector512Int32(Vector256.Load(from)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBytes(byte* from) => new(Avx512F.ConvertToVector512Int32(Vector128.Load(from)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadSignedBytes(sbyte* from) => new(Avx512F.ConvertToVector512Int32(Vector128.Load(from)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 lanes, void* to) => lanes._a.Store((float*)to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(Lanes512 lanes, void* to, int count)
    {
        if (count == ILanes<Lanes512>.Count)
        {
            Store(lanes, to);
        }
        else
        {
            LaneParts.Store(lanes, to, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpperHalves(Lanes512 lanes, ushort* to) => Avx512F.ConvertToVector256UInt16(Vector512.ShiftRightLogical(lanes.Bits, 16)).Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 BroadcastInt(int value) => new(Vector512.Create(value).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new(a._a + b._a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new(a._a - b._a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new(a._a * b._a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new(a._a / b._a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a._a, b._a, c._a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Vector512.Max(a._a, b._a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 a, Lanes512 b) => new(Vector512.Min(a._a, b._a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Abs(Lanes512 a) => new(Vector512.Abs(a._a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 a) => new(Avx512F.RoundScale(a._a, 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Less(Lanes512 a, Lanes512 b) => new(Vector512.LessThan(a._a, b._a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Select(Lanes512 mask, Lanes512 a, Lanes512 b) => new(Vector512.ConditionalSelect(mask._a, a._a, b._a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SwapNeighbours(Lanes512 a) => new(Avx512F.Permute4x32(a._a, 0b10_11_00_01));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 a)
    {
        Vector256<float> eight = a._a.GetLower() + a._a.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        Vector128<float> two = (four) + (Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes512 a)
    {
        Vector256<float> eight = Vector256.Max(a._a.GetLower(), a._a.GetUpper());
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return MathF.Max(two.ToScalar(), two.GetElement(1));
    }

    /// <summary>Magnitudes are ordered as their bits are, NaN above all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestMagnitude(Lanes512 a, Lanes512 b)
    {
        Vector512<int> sixteen = Vector512.Max(Vector512.Abs(a._a).AsInt32(), Vector512.Abs(b._a).AsInt32());
        Vector256<int> eight = Vector256.Max(sixteen.GetLower(), sixteen.GetUpper());
        Vector128<int> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<int> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 1, 1, 1))).AsSingle().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ToFloats(Lanes512 ints) => new(Vector512.ConvertToSingle(ints._a.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ToInts(Lanes512 floats) => new(Avx512F.ConvertToVector512Int32(floats._a).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> ToBytes(Lanes512 ints) => Avx512F.ConvertToVector128SByte(ints._a.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddInts(Lanes512 a, Lanes512 b) => new((a._a.AsInt32() + b._a.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SubtractInts(Lanes512 a, Lanes512 b) => new((a._a.AsInt32() - b._a.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ShiftLeftInts(Lanes512 a, int count) => new(Vector512.ShiftLeft(a._a.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ShiftRightInts(Lanes512 a, int count) => new(Vector512.ShiftRightArithmetic(a._a.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 EqualInts(Lanes512 a, Lanes512 b) => new(Vector512.Equals(a._a.AsInt32(), b._a.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 And(Lanes512 a, Lanes512 b) => new(a._a & b._a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Or(Lanes512 a, Lanes512 b) => new(a._a | b._a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ShiftRightShorts(Lanes512 a, int count) => new(Vector512.ShiftRightLogical(a._a.AsUInt16(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ShiftLeftShorts(Lanes512 a, int count) => new(Vector512.ShiftLeft(a._a.AsUInt16(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 EvenBytes(Lanes512 a) => new(Vector512.ShiftRightArithmetic(Vector512.ShiftLeft(a._a.AsInt16(), 8), 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 OddBytes(Lanes512 a) => new(Vector512.ShiftRightArithmetic(a._a.AsInt16(), 8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddBytes(Lanes512 a, Lanes512 b) => new((a._a.AsByte() + b._a.AsByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddShorts(Lanes512 a, Lanes512 b) => new((a._a.AsInt16() + b._a.AsInt16()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyShorts(Lanes512 a, Lanes512 b) => new(Avx512BW.MultiplyAddAdjacent(a._a.AsInt16(), b._a.AsInt16()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyBytes(Lanes512 unsigned, Lanes512 signed) => new(Avx512BW.MultiplyAddAdjacent(unsigned._a.AsByte(), signed._a.AsSByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LookUp(Lanes512 table, Lanes512 indices) => new(Avx512BW.Shuffle(table._a.AsByte(), indices._a.AsByte()).AsSingle());
}
