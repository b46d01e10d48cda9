using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>
/// What units of one panel are taken apart to: for each block of 32 elements lines of sixteen lanes, the float32 scales of its groups, their minimums, then eight quads of codes.
/// </summary>
/// <param name="Groups">Groups in a block: 1 or 2.</param>
/// <param name="HasMinimum">Whether there are lines of minimums.</param>
/// <param name="Form">What codes are.</param>
readonly record struct PanelLines(int Groups, bool HasMinimum, CodeForm Form)
{
    internal const int LineBytes = PanelFormat.LineBytes;

    internal int MinimumsAt => Groups * LineBytes;

    internal int CodesAt => (HasMinimum ? 2 : 1) * Groups * LineBytes;

    internal int QuadBytes => Form == CodeForm.Shorts ? 2 * LineBytes : LineBytes;

    internal int BlockBytes => CodesAt + (8 * QuadBytes);

    internal static PanelLines Of(PanelFormat format, CodeForm form) => new(format.BlockGroups, format.Blocks.HasMinimum, form);
}

/// <summary>What codes are taken apart to.</summary>
enum CodeForm
{
    /// <summary>Bytes with the offset that they have in the panel.</summary>
    Bytes,

    /// <summary>The same, but signed bytes without an offset where they would not fit with it.</summary>
    SignedBytes,

    /// <summary>int16 without an offset, two lines a quad: elements 0 and 2 of each row, then 1 and 3.</summary>
    Shorts,
}

/// <summary>Takes units of a packed panel apart with intrinsics, the twin of what emitted code does.</summary>
static unsafe class PanelReader<T>
    where T : struct, ILanes<T>
{
    const int Line = PanelFormat.LineBytes;
    const int Rows = PanelProduct.PanelRows;

    /// <summary>Writes so many units as <see cref="PanelLines"/>.</summary>
    internal static void Read(PanelFormat format, byte* unit, int units, CodeForm form, byte* to)
    {
        PanelLines lines = PanelLines.Of(format, form);
        bool wide = form == CodeForm.Shorts;
        bool signed = IsSigned(format, form);
        delegate*<PanelFormat, byte*, byte*, void> codes = format.Bits switch
        {
            CodeBits.Eight => wide ? &Widen : signed ? &Apart<EightSignedCodes<T>> : &Apart<EightCodes<T>>,
            CodeBits.FourByTable => signed ? &BySignedTable : &ByTable,
            CodeBits.Five => &Apart<FiveCodes<T>>,
            CodeBits.Six => &Apart<SixCodes<T>>,
            CodeBits.Two => &Apart<TwoCodes<T>>,
            CodeBits.Three => &Apart<ThreeCodes<T>>,
            _ => &Apart<FourCodes<T>>,
        };

        // Where they are widened next, bytes go to the second half of their place.
        int bytesAt = lines.CodesAt + (wide && format.Bits != CodeBits.Eight ? 8 * Line : 0);
        (ScaleKind scales, int unitBytes, int unitBlocks, int codesAt, int blockBytes) = (format.Scales, format.UnitBytes, format.UnitBlocks, format.CodesAt, format.BlockLines * Line);
        for (int i = 0; i < units; i++, unit += unitBytes)
        {
            Scales(scales, unit, unitBlocks, lines.Groups, lines.BlockBytes, to);
            for (int block = 0; block < unitBlocks; block++, to += lines.BlockBytes)
            {
                codes(format, unit + codesAt + (block * blockBytes), to + bytesAt);
                if (bytesAt != lines.CodesAt)
                {
                    Widen(format, to + bytesAt, to + lines.CodesAt);
                }
            }
        }
    }

    /// <summary>Whether bytes are without the offset that they have in the panel.</summary>
    internal static bool IsSigned(PanelFormat format, CodeForm form) => form == CodeForm.SignedBytes && format.Offset == 128;

    /// <summary>The table of <see cref="CodeBits.FourByTable"/>, in every quad.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Table(PanelFormat format, bool signed)
    {
        fixed (byte* entries = format.Table.Span)
        {
            T table = T.LoadSameQuad(entries);
            return signed ? T.AddBytes(table, T.BroadcastInt(EightSignedCodes<T>.Offset)) : table;
        }
    }

    /// <summary>One row as float32, bit for bit what <see cref="BlockFormat.Dequantize"/> gives.</summary>
    [MethodImpl(Jit.Loop)]
    internal static void ReadRow(PanelFormat format, in PackedWeights weights, int row, Span<float> values)
    {
        QuantizedFormat blocks = format.Blocks;
        int lane = row % Rows;
        PanelLines lines = PanelLines.Of(format, CodeForm.Bytes);
        byte* unit = stackalloc byte[lines.BlockBytes * format.UnitBlocks];
        for (int start = 0; start < values.Length; start += blocks.BlockElements)
        {
            Read(format, weights.At(row / Rows, start), 1, CodeForm.Bytes, unit);
            for (int group = 0; group < blocks.BlockGroups; group++)
            {
                byte* block = unit + (group / lines.Groups * lines.BlockBytes);
                int within = group % lines.Groups;
                float scale = ((float*)(block + (within * Line)))[lane];
                float minimum = blocks.HasMinimum ? ((float*)(block + lines.MinimumsAt + (within * Line)))[lane] : 0;
                byte* from = block + lines.CodesAt + (within * blocks.GroupElements / 4 * Line) + (4 * lane);
                Span<float> to = values.Slice(start + (group * blocks.GroupElements), blocks.GroupElements);
                for (int i = 0; i < to.Length; i++)
                {
                    float product = scale * (from[(i / 4 * Line) + (i % 4)] - format.Offset);
                    to[i] = blocks.HasMinimum ? product + minimum : product;
                }
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    static void Apart<TCodes>(PanelFormat format, byte* lines, byte* codes)
        where TCodes : struct, IPanelCodes<T> => Apart<TCodes>(lines, codes, T.Zero);

    [MethodImpl(Jit.Loop)]
    static void ByTable(PanelFormat format, byte* lines, byte* codes) => Apart<FourCodesByTable<T>>(lines, codes, Table(format, signed: false));

    [MethodImpl(Jit.Loop)]
    static void BySignedTable(PanelFormat format, byte* lines, byte* codes) => Apart<FourCodesByTable<T>>(lines, codes, Table(format, signed: true));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Apart<TCodes>(byte* lines, byte* codes, T table)
        where TCodes : struct, IPanelCodes<T>
    {
        Pair<TCodes>(lines, 0, table, codes);
        Pair<TCodes>(lines, 1, table, codes);
        Pair<TCodes>(lines, 2, table, codes);
        Pair<TCodes>(lines, 3, table, codes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pair<TCodes>(byte* lines, int quad, T table, byte* codes)
        where TCodes : struct, IPanelCodes<T>
    {
        TCodes.Pair(lines, quad, table, out T lower, out T upper);
        T.Store(lower, codes + (quad * Line));
        T.Store(upper, codes + ((quad + 4) * Line));
    }

    /// <summary>Bytes to int16 without the offset; they may lie at the end of where these go.</summary>
    [MethodImpl(Jit.Loop)]
    static void Widen(PanelFormat format, byte* bytes, byte* codes)
    {
        T negative = T.BroadcastInt(0x0101_0101 * (byte)-format.Offset);
        for (int quad = 0; quad < 8; quad++, bytes += Line, codes += 2 * Line)
        {
            T four = T.AddBytes(T.Load(bytes), negative);
            T.Store(T.EvenBytes(four), codes);
            T.Store(T.OddBytes(four), codes + Line);
        }
    }

    /// <summary>The lines of scales and minimums of a unit's blocks, those of each so many bytes behind those of the one before.</summary>
    [MethodImpl(Jit.Loop)]
    internal static void Scales(ScaleKind kind, byte* unit, int blocks, int groups, int stride, byte* to)
    {
        T first = T.LoadHalves((ushort*)unit);
        T d = kind == ScaleKind.BFloat ? T.ShiftLeftInts(first, 16) : Functions.HalvesToFloats(first);
        int minimumsAt = groups * Line;
        if (kind is ScaleKind.Half or ScaleKind.BFloat)
        {
            T.Store(d, to);
            return;
        }

        if (kind == ScaleKind.SignedByte)
        {
            sbyte* signed = (sbyte*)unit + (2 * Rows);
            for (int block = 0; block < blocks; block++, to += stride)
            {
                for (int group = 0; group < groups; group++, signed += Rows)
                {
                    T.Store(T.ToFloats(T.LoadSignedBytes(signed)) * d, to + (group * Line));
                }
            }

            return;
        }

        T dmin = Functions.HalvesToFloats(T.LoadHalves((ushort*)unit + Rows));
        if (kind == ScaleKind.HalfAndMinimum)
        {
            T.Store(d, to);
            T.Store(dmin, to + minimumsAt);
            return;
        }

        byte* bytes = unit + (4 * Rows);
        T fifteen = T.BroadcastInt(15);
        if (kind == ScaleKind.FourBits)
        {
            for (int block = 0; block < blocks; block++, to += stride)
            {
                for (int group = 0; group < groups; group++, bytes += Rows)
                {
                    T both = T.LoadBytes(bytes);
                    T.Store(T.ToFloats(T.And(both, fifteen)) * d, to + (group * Line));
                    T.Store(T.ToFloats(T.ShiftRightInts(both, 4)) * dmin, to + minimumsAt + (group * Line));
                }
            }

            return;
        }

        T upper = T.Load(bytes + (blocks * Rows));
        for (int block = 0; block < blocks; block++, to += stride, bytes += Rows)
        {
            T both = T.LoadBytes(bytes);
            T s = T.Or(T.And(both, fifteen), T.ShiftLeftInts(T.And(upper, T.BroadcastInt(3)), 4));
            T m = T.Or(T.ShiftRightInts(both, 4), T.ShiftLeftInts(T.And(upper, T.BroadcastInt(12)), 2));
            T.Store(T.ToFloats(s) * d, to);
            T.Store(T.ToFloats(m) * dmin, to + minimumsAt);
            upper = T.ShiftRightInts(upper, 4);
        }
    }
}
