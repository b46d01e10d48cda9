using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>
/// Sixteen 32-bit lanes: one 512-bit register, two of 256, four of 128, or sixteen scalars. Kernels are written once
/// over lanes; because every width does the same operations on the same sixteen lanes in the same order, every
/// instruction set gives the same bits. Lanes carry no type: an operation says whether it takes them as float32
/// (operators and names without suffix), int32 (Ints), int16 (Shorts) or bytes. A quad is four neighbouring lanes,
/// 128 bits, which is as far as shuffles reach.
/// </summary>
unsafe interface ILanes<T>
    where T : struct, ILanes<T>
{
    /// <summary>Lanes in a value.</summary>
    const int Count = 16;

    /// <summary>Whether <see cref="MultiplyBytes"/> is there.</summary>
    static abstract bool HasByteProducts { get; }

    /// <summary>Whether <see cref="AddByteProducts"/> is there.</summary>
    static virtual bool HasByteSums => false;

    /// <summary>Whether <see cref="AddByteProducts"/> takes signed bytes for both, as Arm's dot product does; those below 128 are the same either way.</summary>
    static virtual bool SumsSignedBytes => false;

    /// <summary>All lanes 0.</summary>
    static abstract T Zero { get; }

    static abstract T Load(void* from);

    /// <summary>The first <paramref name="count"/> lanes, 0 … 16; the others are 0 and their memory is not touched.</summary>
    static abstract T LoadFirst(void* from, int count);

    /// <summary>16 bytes from each of four places, one for each quad.</summary>
    static abstract T LoadQuads(byte* first, byte* second, byte* third, byte* fourth);

    /// <summary>The same 16 bytes for each quad.</summary>
    static abstract T LoadSameQuad(void* from);

    /// <summary>Sixteen 16-bit integers, zero-extended.</summary>
    static abstract T LoadHalves(ushort* from);

    /// <summary>Sixteen bytes, zero-extended.</summary>
    static abstract T LoadBytes(byte* from);

    /// <summary>Sixteen bytes, sign-extended.</summary>
    static abstract T LoadSignedBytes(sbyte* from);

    static abstract void Store(T lanes, void* to);

    static abstract void StoreFirst(T lanes, void* to, int count);

    /// <summary>The upper sixteen bits of each lane.</summary>
    static abstract void StoreUpperHalves(T lanes, ushort* to);

    static abstract T Broadcast(float value);

    static abstract T BroadcastInt(int value);

    static abstract T operator +(T a, T b);

    static abstract T operator -(T a, T b);

    static abstract T operator *(T a, T b);

    static abstract T operator /(T a, T b);

    /// <summary>a · b + c, rounded once, on every processor.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);

    /// <summary>The larger; NaN if either is.</summary>
    static abstract T Max(T a, T b);

    /// <summary>The smaller; NaN if either is.</summary>
    static abstract T Min(T a, T b);

    static abstract T Abs(T a);

    /// <summary>To the nearest integer, halves to even.</summary>
    static abstract T Round(T a);

    /// <summary>All bits set where a &lt; b.</summary>
    static abstract T Less(T a, T b);

    /// <summary>a where the mask is set, else b.</summary>
    static abstract T Select(T mask, T a, T b);

    /// <summary>Neighbours change places: 1, 0, 3, 2, …</summary>
    static abstract T SwapNeighbours(T a);

    /// <summary>
    /// The sum of all lanes by halving: lane j + lane j + 8, then + 4, + 2, + 1. The second half of the one order of
    /// summation: lane j has summed the elements j, j + 16, j + 32, … before.
    /// </summary>
    static abstract float Sum(T a);

    /// <summary>The largest lane; NaN if there is one.</summary>
    static abstract float Largest(T a);

    /// <summary>The largest magnitude of both; NaN if there is one.</summary>
    static virtual float LargestMagnitude(T a, T b) => T.Largest(T.Max(T.Abs(a), T.Abs(b)));

    /// <summary>int32 to float32, rounded to nearest.</summary>
    static abstract T ToFloats(T ints);

    /// <summary>float32 to int32; the values are integers in range, what happens to others is not said.</summary>
    static abstract T ToInts(T floats);

    /// <summary>int32 lanes of −128 … 127 as bytes.</summary>
    static abstract Vector128<sbyte> ToBytes(T ints);

    static abstract T AddInts(T a, T b);

    static abstract T SubtractInts(T a, T b);

    static abstract T ShiftLeftInts(T a, int count);

    /// <summary>Arithmetic: the sign is kept.</summary>
    static abstract T ShiftRightInts(T a, int count);

    /// <summary>All bits set where the integers are equal.</summary>
    static abstract T EqualInts(T a, T b);

    static abstract T And(T a, T b);

    static abstract T Or(T a, T b);

    /// <summary>Logical shift of 16-bit elements, for bytes that are masked afterwards.</summary>
    static abstract T ShiftRightShorts(T a, int count);

    /// <summary>Logical shift of 16-bit elements, for bytes that are masked before.</summary>
    static abstract T ShiftLeftShorts(T a, int count);

    /// <summary>Bytes 0, 2, 4, … sign-extended to int16.</summary>
    static abstract T EvenBytes(T a);

    /// <summary>Bytes 1, 3, 5, … sign-extended to int16.</summary>
    static abstract T OddBytes(T a);

    static abstract T AddBytes(T a, T b);

    static abstract T AddShorts(T a, T b);

    /// <summary>int32 lane = a0 · b0 + a1 · b1 over its two int16 elements; exact.</summary>
    static abstract T MultiplyShorts(T a, T b);

    /// <summary>
    /// int16 element = u0 · s0 + u1 · s1 over two unsigned bytes of <paramref name="unsigned"/> and two signed ones of
    /// <paramref name="signed"/>. Saturates, so the caller keeps the sums within int16.
    /// </summary>
    static abstract T MultiplyBytes(T unsigned, T signed);

    /// <summary>int32 lane = sum + u0 · s0 + … + u3 · s3 over four unsigned bytes, but see <see cref="SumsSignedBytes"/>, and four signed ones; exact.</summary>
    static virtual T AddByteProducts(T sum, T unsigned, T signed) => throw new NotSupportedException();

    /// <summary><see cref="AddByteProducts"/> with the same four signed bytes for every lane: those from <paramref name="signed"/> + 4 · <paramref name="quad"/> on, of sixteen that may be read.</summary>
    static virtual T AddQuadProducts(T sum, T unsigned, sbyte* signed, [ConstantExpected(Max = (byte)3)] byte quad) => T.AddByteProducts(sum, unsigned, T.BroadcastInt(((int*)signed)[quad]));

    /// <summary>Each byte, 0 … 15, replaced by that entry of the 16 bytes of <paramref name="table"/> in the same quad.</summary>
    static abstract T LookUp(T table, T indices);
}
