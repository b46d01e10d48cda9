using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// Float32 matrices laid out for <see cref="ProductTiles{T}"/>. Panels are [lines, 16]: a line holds what <see cref="LineForm"/> tells
/// of sixteen columns.
/// </summary>
static unsafe class Packing<T>
    where T : struct, ILanes<T>
{
    const int Lanes = 16;

    /// <summary>Lines of so many elements.</summary>
    internal static int Lines(int elements, LineForm form) => form switch
    {
        LineForm.Floats => elements,
        LineForm.Pairs => (elements + 1) / 2,
        _ => (elements + 1) / 2 * 2,
    };

    /// <summary>Bytes from one panel of so many lines to the next: an odd number of lines, so that neighbours do not share a set of a cache.</summary>
    internal static long PanelBytes(long lines) => (lines | 1) * Lanes * sizeof(float);

    /// <summary>A row as lines of a form. Up to fifteen lines behind it are written too.</summary>
    internal static void Row(float* row, int count, LineForm form, byte* to)
    {
        switch (form)
        {
            case LineForm.Floats:
                Buffer.MemoryCopy(row, to, count * sizeof(float), count * sizeof(float));
                break;
            case LineForm.Pairs:
                Pairs(row, count, (ushort*)to);
                break;
            default:
                Rounded(row, count, (float*)to);
                break;
        }
    }

    /// <summary>
    /// Rows of a matrix as lines of panels: column panels from <paramref name="from"/> on, whose first lies at <paramref name="to"/>.
    /// A row without its partner stands beside zeros.
    /// </summary>
    /// <param name="from">The first element of the first row.</param>
    /// <param name="rowBytes">From one row to the next.</param>
    /// <param name="rows">Rows, the first one even.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="form">The form of lines.</param>
    /// <param name="to">The line that the first row goes to.</param>
    /// <param name="panelBytes">From one panel to the next.</param>
    [MethodImpl(Jit.Loop)]
    internal static void Across(byte* from, long rowBytes, int rows, int columns, LineForm form, byte* to, long panelBytes)
    {
        const int LineBytes = Lanes * sizeof(float);
        for (int row = 0; row < rows; row += 2)
        {
            float* even = (float*)(from + (row * rowBytes));
            float* odd = row + 1 < rows ? (float*)((byte*)even + rowBytes) : null;
            byte* line = to + ((long)(form == LineForm.Pairs ? row / 2 : row) * LineBytes);
            for (int at = 0; at < columns; at += Lanes, line += panelBytes)
            {
                int count = columns - at;
                if (form == LineForm.Pairs)
                {
                    PairLine(even + at, odd is null ? null : odd + at, count, line);
                    continue;
                }

                T low = Columns(even + at, count);
                T high = odd is null ? T.Zero : Columns(odd + at, count);
                if (form == LineForm.Floats)
                {
                    T.Store(low, line);
                    if (odd is not null)
                    {
                        T.Store(high, line + LineBytes);
                    }
                }
                else
                {
                    T.Store(Functions.NearestBFloat16(high), line);
                    T.Store(Functions.NearestBFloat16(low), line + LineBytes);
                }
            }
        }
    }

    /// <summary>A row rounded to bfloat16, neighbours swapped; an odd last element behind a zero.</summary>
    [MethodImpl(Jit.Loop)]
    static void Rounded(float* row, int count, float* to)
    {
        for (int i = 0; i < count; i += Lanes)
        {
            T.Store(T.SwapNeighbours(Functions.NearestBFloat16(Columns(row + i, count - i))), to + i);
        }
    }

    /// <summary>A row as lines: rounded to pairs, an odd last element beside a zero.</summary>
    [MethodImpl(Jit.Loop)]
    static void Pairs(float* row, int count, ushort* pairs)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
        {
            for (; i <= count - Lanes; i += Lanes)
            {
                Avx512F.ConvertToVector256UInt16(Functions.NearestBFloat16(Lanes512.Load(row + i)).Bits >>> 16).Store(pairs + i);
            }
        }

        uint* rounded = stackalloc uint[Lanes];
        for (; i < count; i += Lanes)
        {
            T.Store(Functions.NearestBFloat16(Columns(row + i, count - i)), rounded);
            for (int j = 0; j < Math.Min(Lanes, count - i); j++)
            {
                pairs[i + j] = (ushort)(rounded[j] >> 16);
            }
        }

        if (count % 2 != 0)
        {
            pairs[count] = 0;
        }
    }

    /// <summary>
    /// Sixteen rows of 32-bit lines as a panel whose columns are the rows: [lines, 16]. Rows beyond <paramref name="rows"/> are zero.
    /// </summary>
    [MethodImpl(Jit.Loop)]
    internal static void Transpose(byte* from, long rowBytes, int rows, int lines, int* panel)
    {
        int line = 0;
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported && rows == Lanes)
        {
            for (; line <= lines - Lanes; line += Lanes)
            {
                Square(from + (line * sizeof(int)), rowBytes, panel + (line * Lanes));
            }
        }

        for (; line < lines; line++)
        {
            for (int row = 0; row < Lanes; row++)
            {
                panel[(line * Lanes) + row] = row < rows ? ((int*)(from + (row * rowBytes)))[line] : 0;
            }
        }
    }

    /// <summary>Sixteen columns of a row; those beyond <paramref name="count"/> are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Columns(float* row, int count) => count >= Lanes ? T.Load(row) : T.LoadFirst(row, count);

    /// <summary>Sixteen columns of two rows, or of one beside zeros, as a line of pairs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void PairLine(float* even, float* odd, int count, byte* line)
    {
        T low = Functions.NearestBFloat16(Columns(even, count));
        T high = odd is null ? T.Zero : Functions.NearestBFloat16(Columns(odd, count));
        T.Store(T.Or(T.And(T.ShiftRightInts(low, 16), T.BroadcastInt(0xFFFF)), high), line);
    }

    /// <summary>A 16 × 16 square: pairs of rows interleaved by ones and twos within 128 bits, then quads put in order.</summary>
    [MethodImpl(Jit.Loop)]
    static void Square(byte* from, long rowBytes, int* to)
    {
        Vector512<int>* step = stackalloc Vector512<int>[Lanes];
        for (int row = 0; row < Lanes; row += 4)
        {
            Vector512<int> a = Vector512.Load((int*)(from + (row * rowBytes)));
            Vector512<int> b = Vector512.Load((int*)(from + ((row + 1) * rowBytes)));
            Vector512<int> c = Vector512.Load((int*)(from + ((row + 2) * rowBytes)));
            Vector512<int> d = Vector512.Load((int*)(from + ((row + 3) * rowBytes)));
            Vector512<long> abLow = Avx512F.UnpackLow(a, b).AsInt64();
            Vector512<long> abHigh = Avx512F.UnpackHigh(a, b).AsInt64();
            Vector512<long> cdLow = Avx512F.UnpackLow(c, d).AsInt64();
            Vector512<long> cdHigh = Avx512F.UnpackHigh(c, d).AsInt64();
            step[row] = Avx512F.UnpackLow(abLow, cdLow).AsInt32(); // quads: elements 0, 4, 8, 12 of the four rows
            step[row + 1] = Avx512F.UnpackHigh(abLow, cdLow).AsInt32();
            step[row + 2] = Avx512F.UnpackLow(abHigh, cdHigh).AsInt32();
            step[row + 3] = Avx512F.UnpackHigh(abHigh, cdHigh).AsInt32();
        }

        for (int i = 0; i < 4; i++)
        {
            Vector512<int> p = Avx512F.Shuffle4x128(step[i], step[4 + i], 0x88); // quads 0, 2 of each
            Vector512<int> q = Avx512F.Shuffle4x128(step[8 + i], step[12 + i], 0x88);
            Vector512<int> r = Avx512F.Shuffle4x128(step[i], step[4 + i], 0xDD); // quads 1, 3 of each
            Vector512<int> s = Avx512F.Shuffle4x128(step[8 + i], step[12 + i], 0xDD);
            Avx512F.Shuffle4x128(p, q, 0x88).Store(to + (i * Lanes));
            Avx512F.Shuffle4x128(r, s, 0x88).Store(to + ((4 + i) * Lanes));
            Avx512F.Shuffle4x128(p, q, 0xDD).Store(to + ((8 + i) * Lanes));
            Avx512F.Shuffle4x128(r, s, 0xDD).Store(to + ((12 + i) * Lanes));
        }
    }
}
