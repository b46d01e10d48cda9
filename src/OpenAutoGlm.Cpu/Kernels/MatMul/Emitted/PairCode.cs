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
    internal const int SumsAt = XAt + (8 * PairCode.MostRows);
    internal const int YAt = SumsAt + (8 * PairCode.MostRows);

    /// <summary>The first line of the first panel.</summary>
    internal byte* Weights;

    /// <summary>Bytes from a panel to the next.</summary>
    internal long PanelBytes;

    /// <summary>Lines of each panel, at least one.</summary>
    internal long Pairs;

    /// <summary>0 where sums begin, else they go on from what is at Sums.</summary>
    internal long Adds;

    /// <summary>The pairs of each row of activations.</summary>
    internal fixed long X[PairCode.MostRows];

    /// <summary>The sums of each row so far, one for each weight row of the panels.</summary>
    internal fixed long Sums[PairCode.MostRows];

    /// <summary>Where they go.</summary>
    internal fixed long Y[PairCode.MostRows];
}

/// <summary>
/// A tile of up to six rows of BF16 activations and four panels of BF16 weights, all sums in registers: with vdpbf16ps, or where
/// activations are widened to float32 with a multiply-add for the odd and one for the even elements of each pair.
/// </summary>
static unsafe class PairCode
{
    internal const int MostRows = 6;

    internal const int MostPanels = 4;

    /// <summary>Up to here a tile waits for memory rather than for arithmetic.</summary>
    const int FewRows = 2;

    /// <summary>Bytes from what is used to what is fetched, of each panel.</summary>
    const int FetchToSecond = 4096;

    const int FetchToFirst = 512;

    /// <summary>The function for a number of rows and panels: takes a pointer to <see cref="PairArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, int rows, int panels, bool widened) =>
        library.Get($"BF16 tile {rows} × {panels * PanelProduct.PanelRows}{(widened ? " widened" : "")}", assembler => Write(assembler, rows, panels, widened));

    static void Write(Assembler a, int rows, int panels, bool widened)
    {
        AssemblerRegister64[] x = [r8, r9, r10, r11, rbx, rbp];
        AssemblerRegisterZMM Sum(int row, int panel) => Zmm.Of((row * panels) + panel);
        int sums = rows * panels;
        AssemblerRegisterZMM Weight(int panel) => Zmm.Of(sums + panel);
        int firstTemporary = sums + panels;
        int temporary = firstTemporary;
        AssemblerRegisterZMM upper = zmm31; // the odd elements of a line
        int temporaries = widened ? 31 : 32;
        AssemblerRegisterZMM Temporary()
        {
            AssemblerRegisterZMM register = Zmm.Of(temporary);
            temporary = temporary == temporaries - 1 ? firstTemporary : temporary + 1;
            return register;
        }

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
        Results(PairArguments.SumsAt, (row, panel, at) => a.vmovups(Sum(row, panel), at));
        a.jmp(ready);
        a.Label(ref fresh);
        for (int i = 0; i < sums; i++)
        {
            a.vpxord(Zmm.Of(i), Zmm.Of(i), Zmm.Of(i));
        }

        a.Label(ref ready);
        if (widened)
        {
            a.mov(eax, 0xFFFF0000);
            a.vpbroadcastd(upper, eax);
        }

        a.xor(eax, eax);
        a.Label(ref pair);
        AssemblerMemoryOperand Line(int panel, int ahead) => panel switch
        {
            0 => __zmmword_ptr[rsi + ahead],
            1 => __zmmword_ptr[rsi + r12 + ahead],
            2 => __zmmword_ptr[rsi + (r12 * 2) + ahead],
            _ => __zmmword_ptr[rdx + ahead],
        };
        if (rows <= FewRows)
        {
            // Weights come from memory for one tile: in two steps, see RowsCode.
            for (int panel = 0; panel < panels; panel++)
            {
                a.prefetcht1(Line(panel, FetchToSecond));
                a.prefetcht0(Line(panel, FetchToFirst));
            }
        }

        if (widened)
        {
            // The odd elements of the line, then the even ones.
            Half(panel => a.vpandd(Weight(panel), upper, Line(panel, 0)), x => __dword_ptr[x + (rax * 8)], a.vfmadd231ps);
            Half(panel => a.vpslld(Weight(panel), Line(panel, 0), 16), x => __dword_ptr[x + (rax * 8) + 4], a.vfmadd231ps);
        }
        else
        {
            Half(panel => a.vmovups(Weight(panel), Line(panel, 0)), x => __dword_ptr[x + (rax * 4)], a.vdpbf16ps);
        }

        a.add(rsi, 64);
        a.add(rdx, 64);
        a.inc(rax);
        a.cmp(rax, rcx);
        a.jne(pair);
        Results(PairArguments.YAt, (row, panel, at) => a.vmovups(at, Sum(row, panel)));
        a.vzeroupper();
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();

        void Half(Action<int> load, Func<AssemblerRegister64, AssemblerMemoryOperand> at, Action<AssemblerRegisterZMM, AssemblerRegisterZMM, AssemblerRegisterZMM> multiplyAdd)
        {
            for (int panel = 0; panel < panels; panel++)
            {
                load(panel);
            }

            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM activations = Temporary();
                a.vpbroadcastd(activations, at(x[row]));
                for (int panel = 0; panel < panels; panel++)
                {
                    multiplyAdd(Sum(row, panel), Weight(panel), activations);
                }
            }
        }

        // In the second use the registers of the loop are free; in the first rax is.
        void Results(int where, Action<int, int, AssemblerMemoryOperand> move)
        {
            for (int row = 0; row < rows; row++)
            {
                a.mov(rax, __qword_ptr[rdi + (where + (8 * row))]);
                for (int panel = 0; panel < panels; panel++)
                {
                    move(row, panel, __zmmword_ptr[rax + (64 * panel)]);
                }
            }
        }
    }
}
