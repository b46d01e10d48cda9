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
    // Registers below the constants that hold what a unit, a block or a group shares.
    const int Kept = 7;

    // The logic of vpternlogd for a | (b & c).
    const byte OrAnd = 0xF8;

    readonly AssemblerRegisterZMM _nibbles = Zmm.Of(constants); // 0x0F in every byte; for two bits 0x03
    readonly AssemblerRegisterZMM _upperBits = Zmm.Of(constants + 1); // the bits that come from another line, or the table
    readonly AssemblerRegisterZMM _lowerOfScale = Zmm.Of(constants + 2); // 15 in every lane
    readonly AssemblerRegisterZMM _upperOfScale = Zmm.Of(constants + 3); // 48 in every lane
    readonly AssemblerRegisterZMM _d = Zmm.Of(constants - 1);
    readonly AssemblerRegisterZMM _dmin = Zmm.Of(constants - 2);
    readonly AssemblerRegisterZMM _upperScales = Zmm.Of(constants - 3);
    readonly AssemblerRegisterZMM _scale = Zmm.Of(constants - 6);
    readonly AssemblerRegisterZMM _minimum = Zmm.Of(constants - 7);
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

    /// <summary>Scales and minimums of a group of the unit, as float32, in registers that the next group takes over.</summary>
    internal (AssemblerRegisterZMM Scale, AssemblerRegisterZMM? Minimum) Scale(int group)
    {
        AssemblerRegisterZMM scale = _scale;
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

        AssemblerRegisterZMM minimum = _minimum;
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

    /// <summary>Hands over quads of a block in registers, bytes with their offset, in any order.</summary>
    /// <param name="block">The block of the unit.</param>
    /// <param name="half">0 for quads 0 … 3, 1 for 4 … 7, null for all of them at once, which loads each line once only.</param>
    /// <param name="use">What is done with a quad; its register is soon used for another.</param>
    internal void Quads(int block, int? half, Action<int, AssemblerRegisterZMM> use)
    {
        int at = format.CodesAt + (block * format.BlockLines * PanelFormat.LineBytes);
        AssemblerMemoryOperand Line(int line) => __zmmword_ptr[rsi + (at + (line * PanelFormat.LineBytes))];
        bool lowerHalf = half is null or 0;
        bool upperHalf = half is null or 1;
        int upperLines = format.Bits is CodeBits.Five or CodeBits.Three ? 1 : format.Bits == CodeBits.Six ? 2 : 0;
        AssemblerRegisterZMM[] upper = [Zmm.Of(constants - 4), Zmm.Of(constants - 5)];
        for (int i = 0; i < upperLines; i++)
        {
            if (upperLines == 1 || half is null || half == i)
            {
                a.vmovups(upper[i], Line(i));
            }
        }

        switch (format.Bits)
        {
            case CodeBits.Eight:
                for (int quad = lowerHalf ? 0 : 4; quad < (upperHalf ? 8 : 4); quad++)
                {
                    AssemblerRegisterZMM codes = Temporary();
                    a.vmovups(codes, Line(quad));
                    use(quad, codes);
                }

                return;
            case CodeBits.Two or CodeBits.Three:
                for (int quad = lowerHalf ? 0 : 4; quad < (upperHalf ? 8 : 4); quad++)
                {
                    AssemblerRegisterZMM codes = Temporary();
                    if (quad % 4 == 0)
                    {
                        a.vpandd(codes, _nibbles, Line(upperLines + (quad / 4)));
                    }
                    else
                    {
                        a.vmovups(codes, Line(upperLines + (quad / 4)));
                        a.vpsrlw(codes, codes, (byte)(2 * (quad % 4)));
                        a.vpandd(codes, codes, _nibbles);
                    }

                    if (upperLines == 1)
                    {
                        Or(codes, upper[0], quad - 2);
                    }

                    use(quad, codes);
                }

                return;
        }

        for (int i = 0; i < 4; i++)
        {
            AssemblerRegisterZMM? both = null;
            if (lowerHalf && upperHalf)
            {
                AssemblerRegisterZMM line = Temporary();
                a.vmovups(line, Line(upperLines + i));
                both = line;
            }

            if (lowerHalf)
            {
                AssemblerRegisterZMM codes = Temporary();
                if (both is { } line)
                {
                    a.vpandd(codes, line, _nibbles);
                }
                else
                {
                    a.vpandd(codes, _nibbles, Line(upperLines + i));
                }

                Complete(codes, i);
            }

            if (upperHalf)
            {
                AssemblerRegisterZMM codes = both ?? Temporary();
                if (both is null)
                {
                    a.vmovups(codes, Line(upperLines + i));
                }

                a.vpsrlw(codes, codes, 4);
                a.vpandd(codes, codes, _nibbles);
                Complete(codes, i + 4);
            }
        }

        void Complete(AssemblerRegisterZMM codes, int quad)
        {
            switch (format.Bits)
            {
                case CodeBits.FourByTable:
                    a.vpshufb(codes, _upperBits, codes);
                    break;
                case CodeBits.Five:
                    Or(codes, upper[0], quad - 4);
                    break;
                case CodeBits.Six:
                    Or(codes, upper[quad / 4], (2 * (quad % 4)) - 4);
                    break;
            }

            use(quad, codes);
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
