using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>What <see cref="PairStripCode"/> is called with.</summary>
unsafe struct PairStripArguments
{
    internal const int WeightsAt = 0;
    internal const int StripAt = 8;
    internal const int UnitsAt = 16;
    internal const int FetchAt = 24;

    /// <summary>The first unit of the panel.</summary>
    internal byte* Weights;

    /// <summary>Where its weights go: sixteen lines of sixteen pairs for each 32 elements.</summary>
    internal byte* Strip;

    /// <summary>How many units, at least one.</summary>
    internal long Units;

    /// <summary>As many units that come into the second cache meanwhile; a guess does no harm.</summary>
    internal byte* Fetch;
}

/// <summary>Takes units of one panel apart to BF16, as tiles of the matrix unit read them.</summary>
static unsafe class PairStripCode
{
    const int BlockBytes = 16 * PanelFormat.LineBytes;

    internal static MachineCode Get(CodeLibrary library, PanelFormat format) =>
        library.Get($"{format.Format} to BF16 strip", assembler => Write(assembler, format));

    static void Write(Assembler a, PanelFormat format)
    {
        // Registers that stay, and those that a quad uses in turn.
        (AssemblerRegisterZMM mask, AssemblerRegisterZMM second, AssemblerRegisterZMM third, AssemblerRegisterZMM half) = (zmm0, zmm1, zmm2, zmm3);
        (AssemblerRegisterZMM scale, AssemblerRegisterZMM bias, AssemblerRegisterZMM offset) = (zmm4, zmm5, zmm6);
        AssemblerRegisterZMM[] values = [zmm7, zmm8, zmm9, zmm10];
        a.mov(rsi, __qword_ptr[rdi + PairStripArguments.WeightsAt]);
        a.mov(rdx, __qword_ptr[rdi + PairStripArguments.StripAt]);
        a.mov(rcx, __qword_ptr[rdi + PairStripArguments.UnitsAt]);
        a.mov(r8, __qword_ptr[rdi + PairStripArguments.FetchAt]);
        CodeWriter codes = new(a, format, firstTemporary: 11, constants: 28);
        codes.LoadConstants();
        a.mov(eax, 0xFF);
        a.vpbroadcastd(mask, eax);
        Bytes(second, i => i % 4 == 0 ? i + 1 : 0x80);
        Bytes(third, i => i % 4 == 0 ? i + 2 : 0x80);

        a.mov(eax, 0x8000);
        a.vpbroadcastd(half, eax);
        a.mov(eax, 0xAAAAAAAAu);
        a.kmovd(k1, eax);
        if (format.Offset != 0)
        {
            a.mov(eax, BitConverter.SingleToInt32Bits(-format.Offset));
            a.vpbroadcastd(offset, eax);
        }

        Label unit = a.CreateLabel();
        a.Label(ref unit);
        codes.OpenUnit();
        int fetched = 0;
        int quads = 0;
        for (int block = 0; block < format.UnitBlocks; block++)
        {
            for (int group = 0; group < format.BlockGroups; group++)
            {
                (AssemblerRegisterZMM scaled, AssemblerRegisterZMM? minimum) = codes.Scale((block * format.BlockGroups) + group);
                a.vmovaps(scale, scaled);
                if (minimum is { } m)
                {
                    a.vmovaps(bias, m);
                }
                else if (format.Offset != 0)
                {
                    a.vmulps(bias, scaled, offset); // exact: a power of two
                }
                else
                {
                    a.vpxord(bias, bias, bias);
                }

                codes.Quads(block, format.BlockGroups == 1 ? null : group, (quad, register) =>
                {
                    // A few lines at a time: all at once would keep what is wanted now waiting.
                    for (quads++; fetched * format.UnitBlocks * 8 < quads * format.UnitBytes; fetched += PanelFormat.LineBytes)
                    {
                        a.prefetcht1(__byte_ptr[r8 + fetched]);
                    }

                    a.vpandd(values[0], register, mask);
                    a.vpshufb(values[1], register, second);
                    a.vpshufb(values[2], register, third);
                    a.vpsrld(values[3], register, 24);
                    foreach (AssemblerRegisterZMM value in values)
                    {
                        a.vcvtdq2ps(value, value);
                        a.vfmadd213ps(value, scale, bias);
                    }

                    for (int pair = 0; pair < 2; pair++)
                    {
                        // To the nearest BF16, halves away from zero; the upper words of both of a pair.
                        (AssemblerRegisterZMM even, AssemblerRegisterZMM odd) = (values[2 * pair], values[(2 * pair) + 1]);
                        a.vpaddd(even, even, half);
                        a.vpaddd(odd, odd, half);
                        a.vpsrld(even, even, 16);
                        a.vpblendmw(even.k1, even, odd);
                        a.vmovups(__zmmword_ptr[rdx + ((block * BlockBytes) + (((2 * quad) + pair) * PanelFormat.LineBytes))], even);
                    }
                });
            }
        }

        a.add(rsi, format.UnitBytes);
        a.add(r8, format.UnitBytes);
        a.add(rdx, format.UnitBlocks * BlockBytes);
        a.dec(rcx);
        a.jnz(unit);
        a.vzeroupper();
        a.ret();

        // The same sixteen bytes in each quarter of a register.
        void Bytes(AssemblerRegisterZMM to, Func<int, int> value)
        {
            for (int i = 0; i < 16; i += 4)
            {
                a.mov(__dword_ptr[rsp - 16 + i], value(i) | (value(i + 1) << 8) | (value(i + 2) << 16) | (value(i + 3) << 24));
            }

            a.vbroadcasti32x4(to, __xmmword_ptr[rsp - 16]);
        }
    }
}
