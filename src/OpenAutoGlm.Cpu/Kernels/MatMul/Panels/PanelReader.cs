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

    /// <summary>128 in each byte, which takes that offset away as well as it adds it.</summary>
    const int Offset128 = unchecked((int)0x8080_8080);

    /// <summary>Writes so many units as <see cref="PanelLines"/>.</summary>
    internal static void Read(PanelFormat format, byte* unit, int units, CodeForm form, byte* to)
    {
        PanelLines lines = PanelLines.Of(format, form);
        bool wide = form == CodeForm.Shorts;
        bool signed = form == CodeForm.SignedBytes && format.Offset == 128;
        delegate*<PanelFormat, byte*, byte*, void> codes = format.Bits switch
        {
            CodeBits.Eight => wide ? &Widen : signed ? &EightSigned : &Eight,
            CodeBits.FourByTable => signed ? &BySignedTable : &ByTable,
            CodeBits.Five => &Five,
            CodeBits.Six => &Six,
            CodeBits.Two => &Two,
            CodeBits.Three => &Three,
            _ => &Four,
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
    static void Eight(PanelFormat format, byte* lines, byte* codes)
    {
        for (int quad = 0; quad < 8; quad++)
        {
            T.Store(T.Load(lines + (quad * Line)), codes + (quad * Line));
        }
    }

    [MethodImpl(Jit.Loop)]
    static void EightSigned(PanelFormat format, byte* lines, byte* codes)
    {
        T offset = T.BroadcastInt(Offset128);
        for (int quad = 0; quad < 8; quad++)
        {
            T.Store(T.AddBytes(T.Load(lines + (quad * Line)), offset), codes + (quad * Line));
        }
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

    [MethodImpl(Jit.Loop)]
    static void Four(PanelFormat format, byte* lines, byte* codes)
    {
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        for (int i = 0; i < 4; i++, lines += Line, codes += Line)
        {
            T both = T.Load(lines);
            T.Store(T.And(both, mask), codes);
            T.Store(T.And(T.ShiftRightShorts(both, 4), mask), codes + (4 * Line));
        }
    }

    static void ByTable(PanelFormat format, byte* lines, byte* codes) => ByTable(format, lines, codes, 0);

    static void BySignedTable(PanelFormat format, byte* lines, byte* codes) => ByTable(format, lines, codes, Offset128);

    [MethodImpl(Jit.Loop)]
    static void ByTable(PanelFormat format, byte* lines, byte* codes, int added)
    {
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        fixed (byte* entries = format.Table.Span)
        {
            T table = T.AddBytes(T.LoadSameQuad(entries), T.BroadcastInt(added));
            for (int i = 0; i < 4; i++, lines += Line, codes += Line)
            {
                T both = T.Load(lines);
                T.Store(T.LookUp(table, T.And(both, mask)), codes);
                T.Store(T.LookUp(table, T.And(T.ShiftRightShorts(both, 4), mask)), codes + (4 * Line));
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    static void Five(PanelFormat format, byte* lines, byte* codes)
    {
        T upper = T.Load(lines);
        Pair(lines + Line, codes, upper, 0, upper, 4, 0x1010_1010);
        Pair(lines + (2 * Line), codes + Line, upper, 1, upper, 5, 0x1010_1010);
        Pair(lines + (3 * Line), codes + (2 * Line), upper, 2, upper, 6, 0x1010_1010);
        Pair(lines + (4 * Line), codes + (3 * Line), upper, 3, upper, 7, 0x1010_1010);
    }

    [MethodImpl(Jit.Loop)]
    static void Six(PanelFormat format, byte* lines, byte* codes)
    {
        (T first, T second) = (T.Load(lines), T.Load(lines + Line));
        Pair(lines + (2 * Line), codes, first, 0, second, 0, 0x3030_3030);
        Pair(lines + (3 * Line), codes + Line, first, 2, second, 2, 0x3030_3030);
        Pair(lines + (4 * Line), codes + (2 * Line), first, 4, second, 4, 0x3030_3030);
        Pair(lines + (5 * Line), codes + (3 * Line), first, 6, second, 6, 0x3030_3030);
    }

    /// <summary>Quads i and i + 4: nibbles of a line, with the bits from a place of another line on above them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pair(byte* line, byte* codes, T upper, int place, T upperOfSecond, int placeOfSecond, int upperMask)
    {
        T both = T.Load(line);
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        T wanted = T.BroadcastInt(upperMask);
        T.Store(T.Or(T.And(both, mask), T.And(Shifted(upper, place - 4), wanted)), codes);
        T.Store(T.Or(T.And(T.ShiftRightShorts(both, 4), mask), T.And(Shifted(upperOfSecond, placeOfSecond - 4), wanted)), codes + (4 * Line));
    }

    [MethodImpl(Jit.Loop)]
    static void Two(PanelFormat format, byte* lines, byte* codes)
    {
        for (int half = 0; half < 2; half++, lines += Line, codes += 4 * Line)
        {
            TwoBits(T.Load(lines), 0, T.Zero, 0, codes);
            TwoBits(T.Load(lines), 2, T.Zero, 0, codes + Line);
            TwoBits(T.Load(lines), 4, T.Zero, 0, codes + (2 * Line));
            TwoBits(T.Load(lines), 6, T.Zero, 0, codes + (3 * Line));
        }
    }

    [MethodImpl(Jit.Loop)]
    static void Three(PanelFormat format, byte* lines, byte* codes)
    {
        T upper = T.Load(lines);
        (T first, T second) = (T.Load(lines + Line), T.Load(lines + (2 * Line)));
        TwoBits(first, 0, upper, 0, codes);
        TwoBits(first, 2, upper, 1, codes + Line);
        TwoBits(first, 4, upper, 2, codes + (2 * Line));
        TwoBits(first, 6, upper, 3, codes + (3 * Line));
        TwoBits(second, 0, upper, 4, codes + (4 * Line));
        TwoBits(second, 2, upper, 5, codes + (5 * Line));
        TwoBits(second, 4, upper, 6, codes + (6 * Line));
        TwoBits(second, 6, upper, 7, codes + (7 * Line));
    }

    /// <summary>A quad: two bits from a place of a line on, and above them one of another line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void TwoBits(T lower, int place, T upper, int placeOfUpper, byte* codes) => T.Store(
        T.Or(T.And(Shifted(lower, place), T.BroadcastInt(0x0303_0303)), T.And(Shifted(upper, placeOfUpper - 2), T.BroadcastInt(0x0404_0404))), codes);

    /// <summary>Shifted right, or left where the count is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Shifted(T line, int right) => right > 0 ? T.ShiftRightShorts(line, right) : right < 0 ? T.ShiftLeftShorts(line, -right) : line;

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
