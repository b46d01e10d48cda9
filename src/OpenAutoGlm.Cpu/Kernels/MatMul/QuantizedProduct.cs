using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>What the compiler must know of a format to write a good loop.</summary>
interface IProductShape
{
    /// <summary>Groups in a block of 32: 1 or 2.</summary>
    static abstract int Groups { get; }

    static abstract bool HasMinimum { get; }

    /// <summary>Bytes are 2 to this power more than their codes, see <see cref="PanelFormat.Offset"/>; 0 where they are the codes.</summary>
    static abstract int OffsetBits { get; }

    /// <summary>
    /// Products of bytes are added up in int16: how many quads fit, those of a group or half of them, or 0 where not even two do, and codes and
    /// activations are widened to int16 instead.
    /// </summary>
    static abstract int QuadsInShort { get; }
}

/// <summary>
/// The product of int8 activations and a quantised weight with intrinsics, bit for bit as <see cref="ActivationBlocks.Dot"/>
/// defines it: an exact int32 dot product for each group, added up in float32 in rising k with fused multiply-adds.
/// Lanes are weight rows, so that order needs no care. A strip of a panel is taken apart into the first cache, and
/// rows of x meet it four at a time. Only what a group's dots need is in registers: sums are in memory, where a
/// multiply-add finds them as fast.
/// </summary>
sealed unsafe class QuantizedProduct<T, TShape> : PanelProduct
    where T : struct, ILanes<T>
    where TShape : struct, IProductShape
{
    const int StripElements = PanelFormat.MostStripElements;

    /// <summary>Rows that pass a group of panels together: their activations of a strip and their sums stay in the second cache.</summary>
    const int PassRows = 128;

    const int LineBytes = PanelFormat.LineBytes;

    /// <summary>Dots of the first half of a group, of four rows, while the second half is multiplied.</summary>
    const int HeldBytes = 4 * LineBytes;

    readonly PanelFormat _format;
    readonly int _blockBytes; // of a panel
    readonly RoundedActivations<T> _activations;
    readonly delegate*<PanelFormat, byte*, int, byte*, float*, byte*, void> _oneRow; // null where a strip is as good

    internal QuantizedProduct(TensorFormat format, int k)
        : base(k, PanelFormat.Of(format))
    {
        _format = PanelFormat.Of(format);
        if (new PanelLines(TShape.Groups, TShape.HasMinimum, Form) != PanelLines.Of(_format, Form) || _format.Offset != (TShape.OffsetBits == 0 ? 0 : 1 << TShape.OffsetBits))
        {
            throw new ArgumentException($"{typeof(TShape).Name} is not the shape of {format}.", nameof(format));
        }

        _blockBytes = _format.UnitBytes / _format.UnitBlocks;
        _activations = new RoundedActivations<T>(k, IsWide);
        _oneRow = typeof(T) == typeof(Lanes256) ? OneRow<TShape>.Of(_format) : T.SumsSignedBytes ? LaneRow<T, TShape>.Of(_format) : null;
    }

    internal override string Name => $"{_format.Format} {(T.HasByteSums ? "int8 dot" : IsWide ? "int16" : "int8")}";

    internal override Activations Activations => _activations;

    internal override long WorkerBytes => StripBytes + HeldBytes + SumsBytes;

    /// <summary>Whether codes and activations are widened to int16, whose products int32 always holds.</summary>
    static bool IsWide
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => !T.HasByteSums && (!T.HasByteProducts || TShape.QuadsInShort == 0);
    }

    /// <summary>What a strip's codes are.</summary>
    static CodeForm Form => IsWide ? CodeForm.Shorts : T.SumsSignedBytes ? CodeForm.SignedBytes : CodeForm.Bytes;

    /// <summary>The offset of a strip's codes, as <see cref="IProductShape.OffsetBits"/> is that of a panel's.</summary>
    static int OffsetBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => T.SumsSignedBytes && TShape.OffsetBits == 7 ? 0 : TShape.OffsetBits;
    }

    static int CodesAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TShape.HasMinimum ? 2 : 1) * TShape.Groups * LineBytes;
    }

    /// <summary>Bytes of a block in a strip, see <see cref="PanelLines"/>.</summary>
    static int StripBlockBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => CodesAt + ((IsWide ? 16 : 8) * LineBytes);
    }

    static int Quads
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8 / TShape.Groups;
    }

    /// <summary>Bytes of a block of activations.</summary>
    static int BlockBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsWide ? 96 : 64;
    }

    static int Widening
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsWide ? 32 : 0;
    }

    static long StripBytes => StripElements / 32 * StripBlockBytes;

    static long SumsBytes => PackedWeights.GroupPanels * PassRows * LineBytes;

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        for (int done = 0; done < panels;)
        {
            // What is left of the group that the panel is in, which is one stream.
            int count = Math.Min(PackedWeights.GroupPanels - ((panel + done) % PackedWeights.GroupPanels), panels - done);
            for (int start = 0; start < rows.Count; start += PassRows)
            {
                Some(weights, panel + done, count, rows.Slice(start, Math.Min(PassRows, rows.Count - start)), y + (done * PanelRows), yStride, activations, scratch);
            }

            done += count;
        }
    }

    void Some(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* strip)
    {
        byte* held = strip + StripBytes;
        float* sums = (float*)(held + HeldBytes);
        int stride = rows.Count * PanelRows;
        new Span<float>(sums, panels * stride).Clear();
        for (int start = 0; start < K; start += StripElements)
        {
            int elements = Math.Min(StripElements, K - start);
            byte* x = activations + (start / 32 * BlockBytes);
            for (int i = 0; i < panels; i++)
            {
                if (_oneRow != null && rows.Count == 1)
                {
                    _oneRow(_format, weights.At(panel + i, start), elements / _format.Blocks.BlockElements, Row(x, rows, 0), sums + (i * stride), strip);
                    continue;
                }

                PanelReader<T>.Read(_format, weights.At(panel + i, start), elements / _format.Blocks.BlockElements, Form, strip);

                // What comes after this strip: that of the next panel, or the first one's next, or what lies behind these panels.
                byte* next = i + 1 < panels ? weights.At(panel + i + 1, start) : start + elements < K ? weights.At(panel, start + elements) : weights.At(panel + panels, 0);
                Strip(strip, elements / 32, x, rows, sums + (i * stride), held, new Ahead(next, _blockBytes, (nint)(4 * _activations.RowBytes)));
            }
        }

        for (int i = 0; i < panels; i++)
        {
            int columns = weights.RowsOf(panel + i);
            for (int row = 0; row < rows.Count; row++)
            {
                T.StoreFirst(T.Load(sums + (i * stride) + (row * PanelRows)), y + (rows.YOf(row) * yStride) + (i * PanelRows), columns);
            }
        }
    }

    void Strip(byte* strip, int blocks, byte* x, RowList rows, float* sums, byte* held, Ahead ahead)
    {
        int i = 0;
        for (; i <= rows.Count - 4; i += 4, sums += 4 * PanelRows, ahead = ahead.WithoutWeights)
        {
            byte* x0 = Row(x, rows, i);
            byte* x1 = Row(x, rows, i + 1);
            byte* x2 = Row(x, rows, i + 2);
            byte* x3 = Row(x, rows, i + 3);
            if (T.HasByteSums)
            {
                FourByQuads(strip, blocks, x0, x1, x2, x3, sums, ahead);
            }
            else if (IsWide)
            {
                FourWide(strip, blocks, x0, x1, x2, x3, sums, ahead);
            }
            else
            {
                FourByPairs(strip, blocks, x0, x1, x2, x3, sums, held, ahead);
            }
        }

        for (; i < rows.Count; i++, sums += PanelRows, ahead = ahead.WithoutWeights)
        {
            One(strip, blocks, Row(x, rows, i), sums, ahead);
        }
    }

    byte* Row(byte* x, RowList rows, int i) => x + (rows.XOf(i) * _activations.RowBytes);

    /// <summary>Four rows where there is an instruction for a quad's products.</summary>
    [MethodImpl(Jit.Loop)]
    static void FourByQuads(byte* strip, int blocks, byte* x0, byte* x1, byte* x2, byte* x3, float* sums, Ahead ahead)
    {
        for (; blocks > 0; blocks--, strip += StripBlockBytes, x0 += BlockBytes, x1 += BlockBytes, x2 += BlockBytes, x3 += BlockBytes)
        {
            ahead.Weights();
            ahead.Row(x0);
            ahead.Row(x1);
            ahead.Row(x2);
            ahead.Row(x3);
            byte* codes = strip + CodesAt;
            for (int group = 0; group < TShape.Groups; group++)
            {
                (T a, T b, T c, T d) = (Start(x0, group), Start(x1, group), Start(x2, group), Start(x3, group));
                nint end = 4 * Quads * (group + 1);
                for (nint at = 4 * Quads * group; at < end; at += 8, codes += 2 * LineBytes)
                {
                    sbyte* a4 = (sbyte*)x0 + at;
                    sbyte* b4 = (sbyte*)x1 + at;
                    sbyte* c4 = (sbyte*)x2 + at;
                    sbyte* d4 = (sbyte*)x3 + at;
                    T weight = T.Load(codes);
                    a = T.AddQuadProducts(a, weight, a4, 0);
                    b = T.AddQuadProducts(b, weight, b4, 0);
                    c = T.AddQuadProducts(c, weight, c4, 0);
                    d = T.AddQuadProducts(d, weight, d4, 0);
                    weight = T.Load(codes + LineBytes);
                    a = T.AddQuadProducts(a, weight, a4, 1);
                    b = T.AddQuadProducts(b, weight, b4, 1);
                    c = T.AddQuadProducts(c, weight, c4, 1);
                    d = T.AddQuadProducts(d, weight, d4, 1);
                }

                Add(a, strip, x0, group, sums);
                Add(b, strip, x1, group, sums + PanelRows);
                Add(c, strip, x2, group, sums + (2 * PanelRows));
                Add(d, strip, x3, group, sums + (3 * PanelRows));
            }
        }
    }

    /// <summary>Four rows whose codes, and those of the weights, are int16.</summary>
    [MethodImpl(Jit.Loop)]
    static void FourWide(byte* strip, int blocks, byte* x0, byte* x1, byte* x2, byte* x3, float* sums, Ahead ahead)
    {
        for (; blocks > 0; blocks--, strip += StripBlockBytes, x0 += BlockBytes, x1 += BlockBytes, x2 += BlockBytes, x3 += BlockBytes)
        {
            ahead.Weights();
            ahead.Row(x0);
            ahead.Row(x1);
            ahead.Row(x2);
            ahead.Row(x3);
            byte* codes = strip + CodesAt;
            for (int group = 0; group < TShape.Groups; group++)
            {
                (T a, T b, T c, T d) = (T.Zero, T.Zero, T.Zero, T.Zero);
                nint end = 8 * Quads * (group + 1);

                // In every 16 elements of x the even ones come first, then the odd ones.
                for (nint half = 8 * Quads * group; half < end; half += 32)
                {
                    for (nint at = half; at < half + 16; at += 4, codes += 2 * LineBytes)
                    {
                        T weight = T.Load(codes);
                        a = T.AddInts(a, T.MultiplyShorts(weight, Quad(x0 + at)));
                        b = T.AddInts(b, T.MultiplyShorts(weight, Quad(x1 + at)));
                        c = T.AddInts(c, T.MultiplyShorts(weight, Quad(x2 + at)));
                        d = T.AddInts(d, T.MultiplyShorts(weight, Quad(x3 + at)));
                        weight = T.Load(codes + LineBytes);
                        a = T.AddInts(a, T.MultiplyShorts(weight, Quad(x0 + at + 16)));
                        b = T.AddInts(b, T.MultiplyShorts(weight, Quad(x1 + at + 16)));
                        c = T.AddInts(c, T.MultiplyShorts(weight, Quad(x2 + at + 16)));
                        d = T.AddInts(d, T.MultiplyShorts(weight, Quad(x3 + at + 16)));
                    }
                }

                Add(a, strip, x0, group, sums);
                Add(b, strip, x1, group, sums + PanelRows);
                Add(c, strip, x2, group, sums + (2 * PanelRows));
                Add(d, strip, x3, group, sums + (3 * PanelRows));
            }
        }
    }

    /// <summary>Four rows whose products of bytes are added up in int16 before they are widened.</summary>
    [MethodImpl(Jit.Loop)]
    static void FourByPairs(byte* strip, int blocks, byte* x0, byte* x1, byte* x2, byte* x3, float* sums, byte* held, Ahead ahead)
    {
        T ones = T.BroadcastInt(0x0001_0001);
        for (; blocks > 0; blocks--, strip += StripBlockBytes, x0 += BlockBytes, x1 += BlockBytes, x2 += BlockBytes, x3 += BlockBytes)
        {
            ahead.Weights();
            ahead.Row(x0);
            ahead.Row(x1);
            ahead.Row(x2);
            ahead.Row(x3);
            byte* codes = strip + CodesAt;
            for (int group = 0; group < TShape.Groups; group++)
            {
                T a, b, c, d;
                nint at = 4 * Quads * group;
                nint end = at + (4 * Quads);
                while (true)
                {
                    T weight = T.Load(codes);
                    a = T.MultiplyBytes(weight, Quad(x0 + at));
                    b = T.MultiplyBytes(weight, Quad(x1 + at));
                    c = T.MultiplyBytes(weight, Quad(x2 + at));
                    d = T.MultiplyBytes(weight, Quad(x3 + at));
                    codes += LineBytes;
                    at += 4;
                    for (int quad = 1; quad < TShape.QuadsInShort; quad++, codes += LineBytes, at += 4)
                    {
                        weight = T.Load(codes);
                        a = T.AddShorts(a, T.MultiplyBytes(weight, Quad(x0 + at)));
                        b = T.AddShorts(b, T.MultiplyBytes(weight, Quad(x1 + at)));
                        c = T.AddShorts(c, T.MultiplyBytes(weight, Quad(x2 + at)));
                        d = T.AddShorts(d, T.MultiplyBytes(weight, Quad(x3 + at)));
                    }

                    (a, b, c, d) = (T.MultiplyShorts(a, ones), T.MultiplyShorts(b, ones), T.MultiplyShorts(c, ones), T.MultiplyShorts(d, ones));
                    if (at == end)
                    {
                        break;
                    }

                    // There are no registers left for the first half of a group.
                    T.Store(a, held);
                    T.Store(b, held + LineBytes);
                    T.Store(c, held + (2 * LineBytes));
                    T.Store(d, held + (3 * LineBytes));
                }

                if (TShape.QuadsInShort < Quads)
                {
                    a = T.AddInts(a, T.Load(held));
                    b = T.AddInts(b, T.Load(held + LineBytes));
                    c = T.AddInts(c, T.Load(held + (2 * LineBytes)));
                    d = T.AddInts(d, T.Load(held + (3 * LineBytes)));
                }

                Add(Started(a, x0, group), strip, x0, group, sums);
                Add(Started(b, x1, group), strip, x1, group, sums + PanelRows);
                Add(Started(c, x2, group), strip, x2, group, sums + (2 * PanelRows));
                Add(Started(d, x3, group), strip, x3, group, sums + (3 * PanelRows));
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    static void One(byte* strip, int blocks, byte* x, float* sums, Ahead ahead)
    {
        T sum = T.Load(sums);
        for (; blocks > 0; blocks--, strip += StripBlockBytes, x += BlockBytes)
        {
            ahead.Weights();
            byte* codes = strip + CodesAt;
            for (int group = 0; group < TShape.Groups; group++)
            {
                T dot = IsWide ? T.Zero : Start(x, group);
                if (T.HasByteSums)
                {
                    nint end = 4 * Quads * (group + 1);
                    for (nint at = 4 * Quads * group; at < end; at += 8, codes += 2 * LineBytes)
                    {
                        dot = T.AddQuadProducts(dot, T.Load(codes), (sbyte*)x + at, 0);
                        dot = T.AddQuadProducts(dot, T.Load(codes + LineBytes), (sbyte*)x + at, 1);
                    }
                }
                else if (IsWide)
                {
                    nint end = 8 * Quads * (group + 1);
                    for (nint half = 8 * Quads * group; half < end; half += 32)
                    {
                        for (nint at = half; at < half + 16; at += 4, codes += 2 * LineBytes)
                        {
                            dot = T.AddInts(dot, T.MultiplyShorts(T.Load(codes), Quad(x + at)));
                            dot = T.AddInts(dot, T.MultiplyShorts(T.Load(codes + LineBytes), Quad(x + at + 16)));
                        }
                    }
                }
                else
                {
                    nint end = 4 * Quads * (group + 1);
                    for (nint at = 4 * Quads * group; at < end;)
                    {
                        T pairs = T.MultiplyBytes(T.Load(codes), Quad(x + at));
                        codes += LineBytes;
                        at += 4;
                        for (int quad = 1; quad < TShape.QuadsInShort; quad++, codes += LineBytes, at += 4)
                        {
                            pairs = T.AddShorts(pairs, T.MultiplyBytes(T.Load(codes), Quad(x + at)));
                        }

                        dot = T.AddInts(dot, T.MultiplyShorts(pairs, T.BroadcastInt(0x0001_0001)));
                    }
                }

                sum = Sum(dot, strip, x, group, sum);
            }
        }

        T.Store(sum, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Quad(byte* x) => T.BroadcastInt(*(int*)x);

    /// <summary>What a dot of bytes that are 2^<see cref="IProductShape.OffsetBits"/> too large must begin with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Start(byte* x, int group)
    {
        if (OffsetBits == 0)
        {
            return T.Zero;
        }

        int at = TShape.Groups == 1 ? RoundedActivations<T>.NegatedSumAt : RoundedActivations<T>.NegatedHalfSumsAt + (4 * group);
        T negated = T.BroadcastInt(*(int*)(x + at));
        return OffsetBits == RoundedActivations<T>.NegatedSumBits ? negated : T.ShiftRightInts(negated, RoundedActivations<T>.NegatedSumBits - OffsetBits);
    }

    /// <summary>A dot that did not begin with it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Started(T dot, byte* x, int group) => OffsetBits == 0 ? dot : T.AddInts(dot, Start(x, group));

    /// <summary>A row's sums in memory with a group more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(T dot, byte* strip, byte* x, int group, float* sums) => T.Store(Sum(dot, strip, x, group, T.Load(sums)), sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Sum(T dot, byte* strip, byte* x, int group, T sum)
    {
        T scale = T.Load(strip + (group * LineBytes)) * T.Broadcast(*(float*)(x + RoundedActivations<T>.ScaleAt + Widening));
        sum = T.MultiplyAdd(T.ToFloats(dot), scale, sum);
        if (TShape.HasMinimum)
        {
            int at = TShape.Groups == 1 ? RoundedActivations<T>.ScaledSumAt : RoundedActivations<T>.ScaledHalfSumsAt + (4 * group);
            sum = T.MultiplyAdd(T.Load(strip + (TShape.Groups * LineBytes) + (group * LineBytes)), T.Broadcast(*(float*)(x + at + Widening)), sum);
        }

        return sum;
    }
}

/// <summary>
/// What is asked for while a tile is multiplied, so that arithmetic and memory take their time together: packed weights to come, as many bytes with each block as
/// one has in a panel, and the next tile's activations.
/// </summary>
unsafe struct Ahead(byte* weights, int bytes, nint rows)
{
    byte* _weights = weights;

    /// <summary>The same tile by tile, without weights.</summary>
    internal readonly Ahead WithoutWeights => new(null, 0, rows);

    /// <summary>Asks for what belongs to a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Weights()
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        for (byte* end = _weights + bytes; _weights < end; _weights += PanelFormat.LineBytes)
        {
            Sse.Prefetch1(_weights);
        }
    }

    /// <summary>Asks for the row that has this row's place in the next tile; a guess does no harm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly void Row(byte* x)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(x + rows);
        }
    }
}

/// <summary>Groups of 32, bytes up to 15: 8 quads, each of two sums of at most 2 · 15 · 127, fit int16.</summary>
readonly struct Shape32x15 : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => false;

    public static int OffsetBits => 3;

    public static int QuadsInShort => 8;
}

/// <summary>Groups of 32, bytes up to 15, with minimums.</summary>
readonly struct Shape32x15Min : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => true;

    public static int OffsetBits => 0;

    public static int QuadsInShort => 8;
}

/// <summary>Groups of 32, bytes up to 31.</summary>
readonly struct Shape32x31 : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => false;

    public static int OffsetBits => 4;

    public static int QuadsInShort => 4;
}

/// <summary>Groups of 32, bytes up to 31, with minimums.</summary>
readonly struct Shape32x31Min : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => true;

    public static int OffsetBits => 0;

    public static int QuadsInShort => 4;
}

/// <summary>Groups of 32, any byte.</summary>
readonly struct Shape32x255 : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => false;

    public static int OffsetBits => 7;

    public static int QuadsInShort => 0;
}

/// <summary>Groups of 16, bytes up to 63.</summary>
readonly struct Shape16x63 : IProductShape
{
    public static int Groups => 2;

    public static bool HasMinimum => false;

    public static int OffsetBits => 5;

    public static int QuadsInShort => 2;
}

/// <summary>Groups of 16, bytes up to 7.</summary>
readonly struct Shape16x7 : IProductShape
{
    public static int Groups => 2;

    public static bool HasMinimum => false;

    public static int OffsetBits => 2;

    public static int QuadsInShort => 4;
}

/// <summary>Groups of 16, bytes up to 3, with minimums.</summary>
readonly struct Shape16x3Min : IProductShape
{
    public static int Groups => 2;

    public static bool HasMinimum => true;

    public static int OffsetBits => 0;

    public static int QuadsInShort => 4;
}
