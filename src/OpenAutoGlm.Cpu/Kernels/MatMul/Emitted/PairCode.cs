using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>What <see cref="PairCode"/> is called with.</summary>
unsafe struct PairArguments
{
    internal const int WeightsAt = 0;
    internal const int PanelBytesAt = 8;
    internal const int PairsAt = 16;
    internal const int AddsAt = 24;
    internal const int XAt = 32;
    internal const int YAt = XAt + (8 * PairCode.MostRows);

    /// <summary>The first line of the first panel.</summary>
    internal byte* Weights;

    /// <summary>Bytes from a panel to the next.</summary>
    internal long PanelBytes;

    /// <summary>Lines of each panel, at least one.</summary>
    internal long Pairs;

    /// <summary>0 where sums begin, else what is at Y is added to.</summary>
    internal long Adds;

    /// <summary>The pairs of each row of activations.</summary>
    internal fixed long X[PairCode.MostRows];

    /// <summary>The results of each row, one for each weight row of the panels.</summary>
    internal fixed long Y[PairCode.MostRows];
}

/// <summary>A tile of up to six rows of BF16 activations and four panels of BF16 weights, all sums in registers, with vdpbf16ps.</summary>
static unsafe class PairCode
{
    internal const int MostRows = 6;

    internal const int MostPanels = 4;

    /// <summary>The function for a number of rows and panels: takes a pointer to <see cref="PairArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, int rows, int panels) =>
        library.Get($"BF16 tile {rows} × {panels * PanelProduct.PanelRows}", assembler => Write(assembler, rows, panels));

    static void Write(Assembler a, int rows, int panels)
    {
        AssemblerRegister64[] x = [r8, r9, r10, r11, rbx, rbp];
        AssemblerRegisterZMM Sum(int row, int panel) => Zmm.Of((row * panels) + panel);
        int sums = rows * panels;
        AssemblerRegisterZMM Weight(int panel) => Zmm.Of(sums + panel);
        int firstTemporary = sums + panels;
        int temporary = firstTemporary;
        a.push(rbx);
        a.push(rbp);
        a.push(r12);
        a.mov(rsi, __qword_ptr[rdi + PairArguments.WeightsAt]);
        a.mov(r12, __qword_ptr[rdi + PairArguments.PanelBytesAt]);
        a.mov(rcx, __qword_ptr[rdi + PairArguments.PairsAt]);
        a.lea(rdx, __qword_ptr[r12 + (r12 * 2)]);
        a.add(rdx, rsi);
        for (int row = 0; row < rows; row++)
        {
            a.mov(x[row], __qword_ptr[rdi + (PairArguments.XAt + (8 * row))]);
        }

        Label fresh = a.CreateLabel();
        Label ready = a.CreateLabel();
        Label pair = a.CreateLabel();
        a.cmp(__qword_ptr[rdi + PairArguments.AddsAt], 0);
        a.je(fresh);
        Results((row, panel, at) => a.vmovups(Sum(row, panel), at));
        a.jmp(ready);
        a.Label(ref fresh);
        for (int i = 0; i < sums; i++)
        {
            a.vpxord(Zmm.Of(i), Zmm.Of(i), Zmm.Of(i));
        }

        a.Label(ref ready);
        a.xor(eax, eax);
        a.Label(ref pair);
        AssemblerMemoryOperand[] lines = [__zmmword_ptr[rsi], __zmmword_ptr[rsi + r12], __zmmword_ptr[rsi + (r12 * 2)], __zmmword_ptr[rdx]];
        for (int panel = 0; panel < panels; panel++)
        {
            a.vmovups(Weight(panel), lines[panel]);
        }

        for (int row = 0; row < rows; row++)
        {
            AssemblerRegisterZMM activations = Zmm.Of(temporary);
            temporary = temporary == 31 ? firstTemporary : temporary + 1;
            a.vpbroadcastd(activations, __dword_ptr[x[row] + (rax * 4)]);
            for (int panel = 0; panel < panels; panel++)
            {
                a.vdpbf16ps(Sum(row, panel), Weight(panel), activations);
            }
        }

        a.add(rsi, 64);
        a.add(rdx, 64);
        a.inc(rax);
        a.cmp(rax, rcx);
        a.jne(pair);
        Results((row, panel, at) => a.vmovups(at, Sum(row, panel)));
        a.vzeroupper();
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();

        // In the second use the registers of the loop are free; in the first rax is.
        void Results(Action<int, int, AssemblerMemoryOperand> move)
        {
            for (int row = 0; row < rows; row++)
            {
                a.mov(rax, __qword_ptr[rdi + (PairArguments.YAt + (8 * row))]);
                for (int panel = 0; panel < panels; panel++)
                {
                    move(row, panel, __zmmword_ptr[rax + (64 * panel)]);
                }
            }
        }
    }
}
