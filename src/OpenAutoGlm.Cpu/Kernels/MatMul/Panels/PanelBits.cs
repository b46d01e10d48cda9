using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How eight rows of a block's quads come into a 256-bit register: what <see cref="PanelReader{T}"/> writes to memory, for who uses a quad once only.</summary>
unsafe interface IPanelBits
{
    /// <summary>A quad, bytes with their offset. lines: the first of the block's lines, from the first of the eight rows on.</summary>
    static abstract Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table);
}

/// <summary><see cref="CodeBits.Eight"/>.</summary>
readonly unsafe struct EightBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) => Line(lines, quad);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<byte> Line(byte* lines, int line) => Vector256.Load(lines + (line * PanelFormat.LineBytes));

    /// <summary>Shifted right within 16 bits, or left where the count is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<byte> Shifted(Vector256<byte> line, int right) => right > 0 ? (line.AsUInt16() >> right).AsByte() : right < 0 ? (line.AsUInt16() << -right).AsByte() : line;
}

/// <summary><see cref="CodeBits.Four"/>.</summary>
readonly unsafe struct FourBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) =>
        EightBits.Shifted(EightBits.Line(lines, quad % 4), quad < 4 ? 0 : 4) & Vector256.Create((byte)0x0F);
}

/// <summary><see cref="CodeBits.FourByTable"/>.</summary>
readonly unsafe struct FourBitsByTable : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) => Avx2.Shuffle(table, FourBits.Quad(lines, quad, table));
}

/// <summary><see cref="CodeBits.Five"/>.</summary>
readonly unsafe struct FiveBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) =>
        FourBits.Quad(lines + PanelFormat.LineBytes, quad, table) | (EightBits.Shifted(EightBits.Line(lines, 0), quad - 4) & Vector256.Create((byte)0x10));
}

/// <summary><see cref="CodeBits.Six"/>.</summary>
readonly unsafe struct SixBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) =>
        FourBits.Quad(lines + (2 * PanelFormat.LineBytes), quad, table) | (EightBits.Shifted(EightBits.Line(lines, quad / 4), (2 * (quad % 4)) - 4) & Vector256.Create((byte)0x30));
}

/// <summary><see cref="CodeBits.Two"/>.</summary>
readonly unsafe struct TwoBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) =>
        EightBits.Shifted(EightBits.Line(lines, quad / 4), 2 * (quad % 4)) & Vector256.Create((byte)0x03);
}

/// <summary><see cref="CodeBits.Three"/>.</summary>
readonly unsafe struct ThreeBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* lines, int quad, Vector256<byte> table) =>
        TwoBits.Quad(lines + PanelFormat.LineBytes, quad, table) | (EightBits.Shifted(EightBits.Line(lines, 0), quad - 2) & Vector256.Create((byte)0x04));
}
