using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>Takes units of a packed panel apart with intrinsics, the twin of what emitted code does.</summary>
static unsafe class PanelReader<T>
    where T : struct, ILanes<T>
{
    const int Line = PanelFormat.LineBytes;
    const int Rows = PanelProduct.PanelRows;

    /// <summary>
    /// Writes the codes of a unit as lines of quads, [blocks, 8, 64], with their offset or, if <paramref name="signed"/>,
    /// without; scales and minimums as float32, [groups, 16].
    /// </summary>
    internal static void Read(PanelFormat format, byte* unit, bool signed, byte* codes, float* scales, float* minimums)
    {
        Scales(format, unit, scales, minimums);
        byte* lines = unit + format.CodesAt;
        for (int block = 0; block < format.UnitBlocks; block++, codes += 8 * Line, lines += format.BlockLines * Line)
        {
            switch (format.Bits)
            {
                case CodeBits.Eight:
                    Eight(lines, codes);
                    break;
                case CodeBits.Five:
                    Four(lines + Line, codes);
                    AddUpperBits(lines, 8, 1, 0x1010_1010, 4, codes);
                    break;
                case CodeBits.Six:
                    Four(lines + (2 * Line), codes);
                    AddUpperBits(lines, 4, 2, 0x3030_3030, 4, codes);
                    AddUpperBits(lines + Line, 4, 2, 0x3030_3030, 4, codes + (4 * Line));
                    break;
                case CodeBits.Two:
                    Two(lines, codes);
                    break;
                case CodeBits.Three:
                    Two(lines + Line, codes);
                    AddUpperBits(lines, 8, 1, 0x0404_0404, 2, codes);
                    break;
                default:
                    Four(lines, codes);
                    break;
            }

            if (format.Bits == CodeBits.FourByTable)
            {
                LookUp(format, codes);
            }

            if (signed)
            {
                RemoveOffset(format.Offset, codes);
            }
        }
    }

    /// <summary>One row as float32, bit for bit what <see cref="BlockFormat.Dequantize"/> gives.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void ReadRow(PanelFormat format, in PackedWeights weights, int row, Span<float> values)
    {
        QuantizedFormat blocks = format.Blocks;
        int lane = row % Rows;
        byte* codes = stackalloc byte[blocks.BlockElements * Rows];
        float* scales = stackalloc float[blocks.BlockGroups * Rows];
        float* minimums = stackalloc float[blocks.BlockGroups * Rows];
        for (int unit = 0; unit < values.Length / blocks.BlockElements; unit++)
        {
            Read(format, weights.At(row / Rows, unit * blocks.BlockElements), signed: true, codes, scales, minimums);
            for (int group = 0; group < blocks.BlockGroups; group++)
            {
                float scale = scales[(group * Rows) + lane];
                float minimum = blocks.HasMinimum ? minimums[(group * Rows) + lane] : 0;
                Span<float> to = values.Slice((unit * blocks.BlockElements) + (group * blocks.GroupElements), blocks.GroupElements);
                sbyte* from = (sbyte*)codes + (group * blocks.GroupElements * Rows) + (4 * lane);
                for (int i = 0; i < to.Length; i++)
                {
                    float product = scale * from[(i / 4 * Line) + (i % 4)];
                    to[i] = blocks.HasMinimum ? product + minimum : product;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Eight(byte* lines, byte* codes)
    {
        for (int quad = 0; quad < 8; quad++)
        {
            T.Store(T.Load(lines + (quad * Line)), codes + (quad * Line));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Four(byte* lines, byte* codes)
    {
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        for (int i = 0; i < 4; i++)
        {
            T both = T.Load(lines + (i * Line));
            T.Store(T.And(both, mask), codes + (i * Line));
            T.Store(T.And(T.ShiftRightShorts(both, 4), mask), codes + ((i + 4) * Line));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Two(byte* lines, byte* codes)
    {
        T mask = T.BroadcastInt(0x0303_0303);
        for (int half = 0; half < 2; half++, lines += Line, codes += 4 * Line)
        {
            T all = T.Load(lines);
            T.Store(T.And(all, mask), codes);
            T.Store(T.And(T.ShiftRightShorts(all, 2), mask), codes + Line);
            T.Store(T.And(T.ShiftRightShorts(all, 4), mask), codes + (2 * Line));
            T.Store(T.And(T.ShiftRightShorts(all, 6), mask), codes + (3 * Line));
        }
    }

    /// <summary>Bits i · step and above of a line become bits from <paramref name="place"/> on of quad i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void AddUpperBits(byte* line, int quads, int step, int mask, int place, byte* codes)
    {
        T all = T.Load(line);
        T wanted = T.BroadcastInt(mask);
        for (int i = 0; i < quads; i++, codes += Line)
        {
            int right = (i * step) - place;
            T bits = T.And(right >= 0 ? T.ShiftRightShorts(all, right) : T.ShiftLeftShorts(all, -right), wanted);
            T.Store(T.Or(T.Load(codes), bits), codes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void LookUp(PanelFormat format, byte* codes)
    {
        fixed (byte* entries = format.Table.Span)
        {
            T table = T.LoadSameQuad(entries);
            for (int quad = 0; quad < 8; quad++)
            {
                T.Store(T.LookUp(table, T.Load(codes + (quad * Line))), codes + (quad * Line));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void RemoveOffset(int offset, byte* codes)
    {
        T negative = T.BroadcastInt(0x0101_0101 * (byte)-offset);
        for (int quad = 0; quad < 8; quad++)
        {
            T.Store(T.AddBytes(T.Load(codes + (quad * Line)), negative), codes + (quad * Line));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Scales(PanelFormat format, byte* unit, float* scales, float* minimums)
    {
        T first = T.LoadHalves((ushort*)unit);
        T d = format.Scales == ScaleKind.BFloat ? T.ShiftLeftInts(first, 16) : Functions.HalvesToFloats(first);
        T dmin = format.Blocks.HasMinimum ? Functions.HalvesToFloats(T.LoadHalves((ushort*)unit + Rows)) : T.Zero;
        byte* bytes = unit + (format.Blocks.HasMinimum ? 4 * Rows : 2 * Rows);
        switch (format.Scales)
        {
            case ScaleKind.SignedByte:
                for (int group = 0; group < format.Blocks.BlockGroups; group++)
                {
                    T.Store(T.ToFloats(Bytes(bytes + (group * Rows), signed: true)) * d, scales + (group * Rows));
                }

                return;
            case ScaleKind.FourBits:
                for (int group = 0; group < format.Blocks.BlockGroups; group++)
                {
                    T both = Bytes(bytes + (group * Rows), signed: false);
                    T.Store(T.ToFloats(T.And(both, T.BroadcastInt(15))) * d, scales + (group * Rows));
                    T.Store(T.ToFloats(T.ShiftRightInts(both, 4)) * dmin, minimums + (group * Rows));
                }

                return;
            case ScaleKind.SixBits:
                T upper = T.Load(bytes + (format.Blocks.BlockGroups * Rows));
                for (int group = 0; group < format.Blocks.BlockGroups; group++)
                {
                    T both = Bytes(bytes + (group * Rows), signed: false);
                    T above = T.ShiftRightInts(upper, 4 * group);
                    T s = T.Or(T.And(both, T.BroadcastInt(15)), T.ShiftLeftInts(T.And(above, T.BroadcastInt(3)), 4));
                    T m = T.Or(T.ShiftRightInts(both, 4), T.ShiftLeftInts(T.And(above, T.BroadcastInt(12)), 2));
                    T.Store(T.ToFloats(s) * d, scales + (group * Rows));
                    T.Store(T.ToFloats(m) * dmin, minimums + (group * Rows));
                }

                return;
            default:
                T.Store(d, scales);
                if (format.Blocks.HasMinimum)
                {
                    T.Store(dmin, minimums);
                }

                return;
        }
    }

    /// <summary>Sixteen bytes as int32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Bytes(byte* from, bool signed)
    {
        int* wide = stackalloc int[Rows];
        for (int i = 0; i < Rows; i++)
        {
            wide[i] = signed ? (sbyte)from[i] : from[i];
        }

        return T.Load(wide);
    }
}
