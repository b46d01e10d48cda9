using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// Float32 products of panels [lines, 32] into blocks of 32 × 32. Each result is one accumulator, to which lines are added in rising
/// order with one fused multiply-add, so every vector width gives the same bits.
/// </summary>
static class PanelProduct
{
    internal const int Columns = 32;

    /// <summary>Aᵀ·B of two panels of as many lines. The block must not overlap them.</summary>
    internal static void Transposed(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> block)
    {
        Debug.Assert(a.Length == b.Length && a.Length % Columns == 0, "Panels of the same number of lines.");
        block.Clear();
        Run(a, 1, Columns, b, block);
    }

    /// <summary>Adds A·B, where all three are blocks. The result must not overlap the others.</summary>
    internal static void Add(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> block)
    {
        Debug.Assert(a.Length == Columns * Columns && b.Length == a.Length, "Blocks.");
        Run(a, Columns, 1, b, block);
    }

    static void Run(ReadOnlySpan<float> a, int aRow, int aLine, ReadOnlySpan<float> b, Span<float> block)
    {
        Debug.Assert(block.Length == Columns * Columns, "A block.");
        int lines = b.Length / Columns;
        ref float left = ref MemoryMarshal.GetReference(a);
        ref float right = ref MemoryMarshal.GetReference(b);
        ref float sums = ref MemoryMarshal.GetReference(block);
        if (Vector512.IsHardwareAccelerated)
        {
            for (int row = 0; row < Columns; row += 8)
            {
                Tile512(ref Unsafe.Add(ref left, row * aRow), aRow, aLine, ref right, lines, ref Unsafe.Add(ref sums, row * Columns));
            }

            return;
        }

        for (int column = 0; column < Columns; column += 2 * Vector256<float>.Count)
        {
            for (int row = 0; row < Columns; row += 4)
            {
                Tile256(ref Unsafe.Add(ref left, row * aRow), aRow, aLine, ref Unsafe.Add(ref right, column), lines, ref Unsafe.Add(ref sums, (row * Columns) + column));
            }
        }
    }

    /// <summary>8 rows × 32 columns of sums, in registers.</summary>
    static void Tile512(ref float a, nint aRow, nint aLine, ref float b, int lines, ref float c)
    {
        Vector512<float> s0a = Vector512.LoadUnsafe(ref c, 0);
        Vector512<float> s0b = Vector512.LoadUnsafe(ref c, 16);
        Vector512<float> s1a = Vector512.LoadUnsafe(ref c, 32);
        Vector512<float> s1b = Vector512.LoadUnsafe(ref c, 48);
        Vector512<float> s2a = Vector512.LoadUnsafe(ref c, 64);
        Vector512<float> s2b = Vector512.LoadUnsafe(ref c, 80);
        Vector512<float> s3a = Vector512.LoadUnsafe(ref c, 96);
        Vector512<float> s3b = Vector512.LoadUnsafe(ref c, 112);
        Vector512<float> s4a = Vector512.LoadUnsafe(ref c, 128);
        Vector512<float> s4b = Vector512.LoadUnsafe(ref c, 144);
        Vector512<float> s5a = Vector512.LoadUnsafe(ref c, 160);
        Vector512<float> s5b = Vector512.LoadUnsafe(ref c, 176);
        Vector512<float> s6a = Vector512.LoadUnsafe(ref c, 192);
        Vector512<float> s6b = Vector512.LoadUnsafe(ref c, 208);
        Vector512<float> s7a = Vector512.LoadUnsafe(ref c, 224);
        Vector512<float> s7b = Vector512.LoadUnsafe(ref c, 240);
        for (int line = 0; line < lines; line++)
        {
            Vector512<float> left = Vector512.LoadUnsafe(ref b);
            Vector512<float> right = Vector512.LoadUnsafe(ref b, 16);
            ref float row = ref a;
            Vector512<float> element = Vector512.Create(row);
            s0a = Vector512.FusedMultiplyAdd(left, element, s0a);
            s0b = Vector512.FusedMultiplyAdd(right, element, s0b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s1a = Vector512.FusedMultiplyAdd(left, element, s1a);
            s1b = Vector512.FusedMultiplyAdd(right, element, s1b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s2a = Vector512.FusedMultiplyAdd(left, element, s2a);
            s2b = Vector512.FusedMultiplyAdd(right, element, s2b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s3a = Vector512.FusedMultiplyAdd(left, element, s3a);
            s3b = Vector512.FusedMultiplyAdd(right, element, s3b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s4a = Vector512.FusedMultiplyAdd(left, element, s4a);
            s4b = Vector512.FusedMultiplyAdd(right, element, s4b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s5a = Vector512.FusedMultiplyAdd(left, element, s5a);
            s5b = Vector512.FusedMultiplyAdd(right, element, s5b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s6a = Vector512.FusedMultiplyAdd(left, element, s6a);
            s6b = Vector512.FusedMultiplyAdd(right, element, s6b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector512.Create(row);
            s7a = Vector512.FusedMultiplyAdd(left, element, s7a);
            s7b = Vector512.FusedMultiplyAdd(right, element, s7b);
            a = ref Unsafe.Add(ref a, aLine);
            b = ref Unsafe.Add(ref b, Columns);
        }

        s0a.StoreUnsafe(ref c, 0);
        s0b.StoreUnsafe(ref c, 16);
        s1a.StoreUnsafe(ref c, 32);
        s1b.StoreUnsafe(ref c, 48);
        s2a.StoreUnsafe(ref c, 64);
        s2b.StoreUnsafe(ref c, 80);
        s3a.StoreUnsafe(ref c, 96);
        s3b.StoreUnsafe(ref c, 112);
        s4a.StoreUnsafe(ref c, 128);
        s4b.StoreUnsafe(ref c, 144);
        s5a.StoreUnsafe(ref c, 160);
        s5b.StoreUnsafe(ref c, 176);
        s6a.StoreUnsafe(ref c, 192);
        s6b.StoreUnsafe(ref c, 208);
        s7a.StoreUnsafe(ref c, 224);
        s7b.StoreUnsafe(ref c, 240);
    }

    /// <summary>4 rows × 16 columns of sums, in registers.</summary>
    static void Tile256(ref float a, nint aRow, nint aLine, ref float b, int lines, ref float c)
    {
        Vector256<float> s0a = Vector256.LoadUnsafe(ref c, 0);
        Vector256<float> s0b = Vector256.LoadUnsafe(ref c, 8);
        Vector256<float> s1a = Vector256.LoadUnsafe(ref c, 32);
        Vector256<float> s1b = Vector256.LoadUnsafe(ref c, 40);
        Vector256<float> s2a = Vector256.LoadUnsafe(ref c, 64);
        Vector256<float> s2b = Vector256.LoadUnsafe(ref c, 72);
        Vector256<float> s3a = Vector256.LoadUnsafe(ref c, 96);
        Vector256<float> s3b = Vector256.LoadUnsafe(ref c, 104);
        for (int line = 0; line < lines; line++)
        {
            Vector256<float> left = Vector256.LoadUnsafe(ref b);
            Vector256<float> right = Vector256.LoadUnsafe(ref b, 8);
            ref float row = ref a;
            Vector256<float> element = Vector256.Create(row);
            s0a = Vector256.FusedMultiplyAdd(left, element, s0a);
            s0b = Vector256.FusedMultiplyAdd(right, element, s0b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector256.Create(row);
            s1a = Vector256.FusedMultiplyAdd(left, element, s1a);
            s1b = Vector256.FusedMultiplyAdd(right, element, s1b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector256.Create(row);
            s2a = Vector256.FusedMultiplyAdd(left, element, s2a);
            s2b = Vector256.FusedMultiplyAdd(right, element, s2b);
            row = ref Unsafe.Add(ref row, aRow);
            element = Vector256.Create(row);
            s3a = Vector256.FusedMultiplyAdd(left, element, s3a);
            s3b = Vector256.FusedMultiplyAdd(right, element, s3b);
            a = ref Unsafe.Add(ref a, aLine);
            b = ref Unsafe.Add(ref b, Columns);
        }

        s0a.StoreUnsafe(ref c, 0);
        s0b.StoreUnsafe(ref c, 8);
        s1a.StoreUnsafe(ref c, 32);
        s1b.StoreUnsafe(ref c, 40);
        s2a.StoreUnsafe(ref c, 64);
        s2b.StoreUnsafe(ref c, 72);
        s3a.StoreUnsafe(ref c, 96);
        s3b.StoreUnsafe(ref c, 104);
    }
}
