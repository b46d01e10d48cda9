using Iced.Intel;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>The 32 vector registers by number.</summary>
static class Zmm
{
    static readonly AssemblerRegisterZMM[] All =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    internal static AssemblerRegisterZMM Of(int number) => All[number];
}

/// <summary>
/// Writes the instructions that take a unit of packed weights apart, rsi pointing to it. Temporary registers are used in
/// turn, so that what follows soon is independent; the constants stay where they are.
/// </summary>
sealed class CodeWriter(Assembler a, PanelFormat format, int firstTemporary, int constants)
{
    // Registers below the constants that hold what a unit or a block shares.
    const int Kept = 5;

    // The logic of vpternlogd for a | (b & c).
    const byte OrAnd = 0xF8;

    readonly AssemblerRegisterZMM _nibbles = Zmm.Of(constants); // 0x0F in every byte; for two bits 0x03
    readonly AssemblerRegisterZMM _upperBits = Zmm.Of(constants + 1); // the bits that come from another line, or the table
    readonly AssemblerRegisterZMM _lowerOfScale = Zmm.Of(constants + 2); // 15 in every lane
    readonly AssemblerRegisterZMM _upperOfScale = Zmm.Of(constants + 3); // 48 in every lane
    readonly AssemblerRegisterZMM _d = Zmm.Of(constants - 1);
    readonly AssemblerRegisterZMM _dmin = Zmm.Of(constants - 2);
    readonly AssemblerRegisterZMM _upperScales = Zmm.Of(constants - 3);
    int _nextTemporary;

    bool HasUnitScale => format.Scales is ScaleKind.SixBits or ScaleKind.SignedByte or ScaleKind.FourBits;

    /// <summary>A register that the last few temporaries do not use.</summary>
    internal AssemblerRegisterZMM Temporary()
    {
        AssemblerRegisterZMM register = Zmm.Of(firstTemporary + _nextTemporary);
        _nextTemporary = (_nextTemporary + 1) % (constants - Kept - firstTemporary);
        return register;
    }

    /// <summary>Fills the registers that hold constants; uses eax.</summary>
    internal void LoadConstants()
    {
        Fill(_nibbles, format.Bits is CodeBits.Two or CodeBits.Three ? 0x03030303u : 0x0F0F0F0F);
        if (format.Bits == CodeBits.FourByTable)
        {
            for (int i = 0; i < 4; i++)
            {
                a.mov(eax, BitConverter.ToUInt32(format.Table.Span[(4 * i)..]));
                a.mov(__dword_ptr[rsp - 16 + (4 * i)], eax);
            }

            a.vbroadcasti32x4(_upperBits, __xmmword_ptr[rsp - 16]);
        }
        else
        {
            Fill(_upperBits, format.Bits == CodeBits.Six ? 0x30303030u : format.Bits == CodeBits.Five ? 0x10101010u : 0x04040404);
        }

        Fill(_lowerOfScale, 15);
        Fill(_upperOfScale, 48);
    }

    /// <summary>What all groups of a unit share.</summary>
    internal void OpenUnit()
    {
        if (HasUnitScale)
        {
            a.vcvtph2ps(_d, __ymmword_ptr[rsi]);
        }

        if (format.Scales is ScaleKind.SixBits or ScaleKind.FourBits)
        {
            a.vcvtph2ps(_dmin, __ymmword_ptr[rsi + 32]);
        }

        if (format.Scales == ScaleKind.SixBits)
        {
            a.vmovups(_upperScales, __zmmword_ptr[rsi + (64 + (16 * format.Blocks.BlockGroups))]);
        }
    }

    /// <summary>Scales and minimums of a group of the unit, as float32.</summary>
    internal (AssemblerRegisterZMM Scale, AssemblerRegisterZMM? Minimum) Scale(int group)
    {
        AssemblerRegisterZMM scale = Temporary();
        switch (format.Scales)
        {
            case ScaleKind.Half:
                a.vcvtph2ps(scale, __ymmword_ptr[rsi]);
                return (scale, null);
            case ScaleKind.BFloat:
                a.vpmovzxwd(scale, __ymmword_ptr[rsi]);
                a.vpslld(scale, scale, 16);
                return (scale, null);
            case ScaleKind.SignedByte:
                a.vpmovsxbd(scale, __xmmword_ptr[rsi + (32 + (16 * group))]);
                a.vcvtdq2ps(scale, scale);
                a.vmulps(scale, scale, _d);
                return (scale, null);
        }

        AssemblerRegisterZMM minimum = Temporary();
        switch (format.Scales)
        {
            case ScaleKind.HalfAndMinimum:
                a.vcvtph2ps(scale, __ymmword_ptr[rsi]);
                a.vcvtph2ps(minimum, __ymmword_ptr[rsi + 32]);
                return (scale, minimum);
            case ScaleKind.FourBits:
                a.vpmovzxbd(minimum, __xmmword_ptr[rsi + (64 + (16 * group))]);
                a.vpandd(scale, minimum, _lowerOfScale);
                a.vpsrld(minimum, minimum, 4);
                break;
            default:
                AssemblerRegisterZMM upper = Temporary();
                a.vpmovzxbd(minimum, __xmmword_ptr[rsi + (64 + (16 * group))]);
                a.vpandd(scale, minimum, _lowerOfScale);
                a.vpsrld(minimum, minimum, 4);
                Shift(upper, _upperScales, (4 * group) - 4);
                a.vpternlogd(scale, upper, _upperOfScale, OrAnd);
                AssemblerRegisterZMM other = Temporary();
                Shift(other, _upperScales, (4 * group) - 2);
                a.vpternlogd(minimum, other, _upperOfScale, OrAnd);
                break;
        }

        a.vcvtdq2ps(scale, scale);
        a.vmulps(scale, scale, _d);
        a.vcvtdq2ps(minimum, minimum);
        a.vmulps(minimum, minimum, _dmin);
        return (scale, minimum);
    }

    /// <summary>Hands over each of the eight quads of a block in a register, bytes with their offset, in any order.</summary>
    internal void Quads(int block, Action<int, AssemblerRegisterZMM> use)
    {
        int at = format.CodesAt + (block * format.BlockLines * PanelFormat.LineBytes);
        AssemblerMemoryOperand Line(int line) => __zmmword_ptr[rsi + (at + (line * PanelFormat.LineBytes))];
        switch (format.Bits)
        {
            case CodeBits.Eight:
                for (int quad = 0; quad < 8; quad++)
                {
                    AssemblerRegisterZMM codes = Temporary();
                    a.vmovups(codes, Line(quad));
                    use(quad, codes);
                }

                return;
            case CodeBits.Two or CodeBits.Three:
                TwoBits(Line, use);
                return;
        }

        int upperLines = format.Bits == CodeBits.Five ? 1 : format.Bits == CodeBits.Six ? 2 : 0;
        AssemblerRegisterZMM[] upper = new AssemblerRegisterZMM[upperLines];
        for (int i = 0; i < upperLines; i++)
        {
            upper[i] = Zmm.Of(constants - 4 - i);
            a.vmovups(upper[i], Line(i));
        }

        for (int i = 0; i < 4; i++)
        {
            AssemblerRegisterZMM lower = Temporary();
            AssemblerRegisterZMM higher = Temporary();
            a.vmovups(lower, Line(upperLines + i));
            a.vpsrlw(higher, lower, 4);
            a.vpandd(lower, lower, _nibbles);
            a.vpandd(higher, higher, _nibbles);
            switch (format.Bits)
            {
                case CodeBits.FourByTable:
                    a.vpshufb(lower, _upperBits, lower);
                    a.vpshufb(higher, _upperBits, higher);
                    break;
                case CodeBits.Five:
                    Or(lower, upper[0], i - 4);
                    Or(higher, upper[0], i);
                    break;
                case CodeBits.Six:
                    Or(lower, upper[0], (2 * i) - 4);
                    Or(higher, upper[1], (2 * i) - 4);
                    break;
            }

            use(i, lower);
            use(i + 4, higher);
        }
    }

    void TwoBits(Func<int, AssemblerMemoryOperand> line, Action<int, AssemblerRegisterZMM> use)
    {
        int upperLines = format.Bits == CodeBits.Three ? 1 : 0;
        AssemblerRegisterZMM thirds = Zmm.Of(constants - 4);
        if (upperLines == 1)
        {
            a.vmovups(thirds, line(0));
        }

        for (int half = 0; half < 2; half++)
        {
            AssemblerRegisterZMM all = Zmm.Of(constants - 5);
            a.vmovups(all, line(upperLines + half));
            for (int i = 0; i < 4; i++)
            {
                AssemblerRegisterZMM codes = Temporary();
                int quad = (4 * half) + i;
                if (i == 0)
                {
                    a.vpandd(codes, all, _nibbles);
                }
                else
                {
                    a.vpsrlw(codes, all, (byte)(2 * i));
                    a.vpandd(codes, codes, _nibbles);
                }

                if (upperLines == 1)
                {
                    Or(codes, thirds, quad - 2);
                }

                use(quad, codes);
            }
        }
    }

    /// <summary>codes |= (line shifted right by <paramref name="right"/>, or left where it is negative) &amp; the upper bits.</summary>
    void Or(AssemblerRegisterZMM codes, AssemblerRegisterZMM line, int right)
    {
        if (right == 0)
        {
            a.vpternlogd(codes, line, _upperBits, OrAnd);
            return;
        }

        AssemblerRegisterZMM shifted = Temporary();
        if (right > 0)
        {
            a.vpsrlw(shifted, line, (byte)right);
        }
        else
        {
            a.vpsllw(shifted, line, (byte)-right);
        }

        a.vpternlogd(codes, shifted, _upperBits, OrAnd);
    }

    void Shift(AssemblerRegisterZMM to, AssemblerRegisterZMM from, int right)
    {
        if (right >= 0)
        {
            a.vpsrld(to, from, (byte)right);
        }
        else
        {
            a.vpslld(to, from, (byte)-right);
        }
    }

    void Fill(AssemblerRegisterZMM register, uint value)
    {
        a.mov(eax, value);
        a.vpbroadcastd(register, eax);
    }
}
