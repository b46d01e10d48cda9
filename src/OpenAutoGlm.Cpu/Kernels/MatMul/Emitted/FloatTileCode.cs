using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>What a line of a panel of sixteen rows holds, and how it meets activations.</summary>
enum FloatLine
{
    /// <summary>A pair of BF16 elements, which vdpbf16ps multiplies with a pair of activations.</summary>
    Pairs,

    /// <summary>The same; activations are widened to float32, the odd one of each pair first, and multiply-adds take the odd and then the even element.</summary>
    WidenedPairs,

    /// <summary>Two F16 elements, one after the other; activations are float32.</summary>
    Halves,

    /// <summary>One F32 element; activations are float32.</summary>
    Singles,
}

/// <summary>What <see cref="FloatTileCode"/> is called with.</summary>
unsafe struct FloatTileArguments
{
    internal const int WeightsAt = 0;
    internal const int PanelBytesAt = 8;
    internal const int LinesAt = 16;
    internal const int AddsAt = 24;
    internal const int FetchAt = 32;
    internal const int FetchStepAt = 40;
    internal const int AheadAt = 48;
    internal const int XAt = 56;
    internal const int XOffsetAt = 64;
    internal const int SumsAt = 72;
    internal const int YAt = 80;
    internal const int YOffsetAt = 88;

    /// <summary>Bytes from a row of sums to the next.</summary>
    internal const int SumsStride = PackedWeights.GroupPanels * PanelFormat.LineBytes;

    /// <summary>The first line of the first panel.</summary>
    internal byte* Weights;

    /// <summary>Bytes from a panel to the next.</summary>
    internal long PanelBytes;

    /// <summary>Lines of each panel, at least one.</summary>
    internal long Lines;

    /// <summary>0 where sums begin, else they go on from what is at Sums.</summary>
    internal long Adds;

    /// <summary>Weights of the first panel that come from memory into the second cache meanwhile; those of the other panels are as far from one another as above.</summary>
    internal byte* Fetch;

    /// <summary>Bytes from what is fetched with a line to what is fetched with the next.</summary>
    internal long FetchStep;

    /// <summary>Bytes from each row to the one in its place in the next tile, which is fetched ahead; a guess does no harm.</summary>
    internal long Ahead;

    /// <summary>For each row of the tile, where its activations begin.</summary>
    internal byte** X;

    /// <summary>What is added to these: the distance to those of the first line.</summary>
    internal long XOffset;

    /// <summary>The sums so far, a row of panels after the other.</summary>
    internal byte* Sums;

    /// <summary>Where the sums of each row go in the end; null for back to Sums.</summary>
    internal byte** Y;

    /// <summary>What is added to these.</summary>
    internal long YOffset;
}

/// <summary>
/// A tile of up to six rows of activations and four panels of BF16, F16 or F32 weights, all sums in registers.
/// </summary>
static unsafe class FloatTileCode
{
    internal const int MostRows = 6;

    internal const int MostPanels = 4;

    /// <summary>Up to here a tile waits for memory rather than for arithmetic, and what it uses comes into the first cache this many bytes ahead.</summary>
    const int FewRows = 2;

    const int FetchToFirst = 512;

    /// <summary>Lines of a strip where there are several tiles: of four panels they fill three quarters of a first cache of 32 KiB.</summary>
    internal const int StripLines = 96;

    /// <summary>The function for a number of rows and panels: takes a pointer to <see cref="FloatTileArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, FloatLine kind, int rows, int panels) =>
        library.Get($"{NameOf(kind)} tile {rows} × {panels * PanelProduct.PanelRows}", assembler => Write(assembler, kind, rows, panels));

    /// <summary>What plans and lists of code print.</summary>
    internal static string NameOf(FloatLine kind) => kind switch
    {
        FloatLine.Pairs => "BF16 vdpbf16ps",
        FloatLine.WidenedPairs => "BF16 widened",
        FloatLine.Halves => "F16 fma",
        _ => "F32 fma",
    };

    /// <summary>Bytes of a row of activations that meet a line.</summary>
    internal static int ActivationBytes(FloatLine kind) => kind is FloatLine.WidenedPairs or FloatLine.Halves ? 8 : 4;

    static void Write(Assembler a, FloatLine kind, int rows, int panels)
    {
        AssemblerRegister64[] x = [r8, r9, r10, r11, rbx, rbp];
        AssemblerRegisterZMM Sum(int row, int panel) => Zmm.Of((row * panels) + panel);
        int sums = rows * panels;
        AssemblerRegisterZMM Weight(int panel) => Zmm.Of(sums + panel);
        int firstTemporary = sums + panels;
        int temporary = firstTemporary;
        AssemblerRegisterZMM upper = zmm31; // the odd elements of a line
        int temporaries = kind == FloatLine.WidenedPairs ? 31 : 32;
        AssemblerRegisterZMM Temporary()
        {
            AssemblerRegisterZMM register = Zmm.Of(temporary);
            temporary = temporary == temporaries - 1 ? firstTemporary : temporary + 1;
            return register;
        }

        a.push(rbx);
        a.push(rbp);
        a.push(r12);
        a.push(r13);
        a.push(r14);
        a.push(r15);
        a.mov(rsi, __qword_ptr[rdi + FloatTileArguments.WeightsAt]);
        a.mov(r12, __qword_ptr[rdi + FloatTileArguments.PanelBytesAt]);
        a.mov(rcx, __qword_ptr[rdi + FloatTileArguments.LinesAt]);
        a.lea(rdx, __qword_ptr[r12 + (r12 * 2)]);
        a.mov(r13, __qword_ptr[rdi + FloatTileArguments.FetchAt]);
        a.mov(r15, __qword_ptr[rdi + FloatTileArguments.FetchStepAt]);
        a.lea(r14, __qword_ptr[r13 + rdx]);
        a.add(rdx, rsi);
        a.mov(rax, __qword_ptr[rdi + FloatTileArguments.XAt]);
        for (int row = 0; row < rows; row++)
        {
            a.mov(x[row], __qword_ptr[rax + (8 * row)]);
            a.add(x[row], __qword_ptr[rdi + FloatTileArguments.XOffsetAt]);
        }

        Label fresh = a.CreateLabel();
        Label ready = a.CreateLabel();
        Label line = a.CreateLabel();
        a.cmp(__qword_ptr[rdi + FloatTileArguments.AddsAt], 0);
        a.je(fresh);
        a.mov(rax, __qword_ptr[rdi + FloatTileArguments.SumsAt]);
        Results((row, panel) => a.vmovups(Sum(row, panel), __zmmword_ptr[rax + ((row * FloatTileArguments.SumsStride) + (panel * PanelFormat.LineBytes))]));
        a.jmp(ready);
        a.Label(ref fresh);
        for (int i = 0; i < sums; i++)
        {
            a.vpxord(Zmm.Of(i), Zmm.Of(i), Zmm.Of(i));
        }

        a.Label(ref ready);
        if (kind == FloatLine.WidenedPairs)
        {
            a.mov(eax, 0xFFFF0000);
            a.vpbroadcastd(upper, eax);
        }

        a.push(rdi);
        a.push(rcx);
        a.mov(rdi, __qword_ptr[rdi + FloatTileArguments.AheadAt]);
        a.xor(eax, eax);
        a.Label(ref line);
        AssemblerMemoryOperand Line(int panel, int ahead) => panel switch
        {
            0 => __zmmword_ptr[rsi + ahead],
            1 => __zmmword_ptr[rsi + r12 + ahead],
            2 => __zmmword_ptr[rsi + (r12 * 2) + ahead],
            _ => __zmmword_ptr[rdx + ahead],
        };
        int scale = ActivationBytes(kind);
        for (int row = 0; rows > FewRows && row < rows; row++)
        {
            a.lea(rcx, __qword_ptr[x[row] + (rax * scale)]);
            a.prefetcht0(__byte_ptr[rcx + rdi]);
            a.prefetcht1(__byte_ptr[rcx + (scale * StripLines)]);
        }

        for (int panel = 0; panel < panels; panel++)
        {
            a.prefetcht1(panel switch
            {
                0 => __byte_ptr[r13],
                1 => __byte_ptr[r13 + r12],
                2 => __byte_ptr[r13 + (r12 * 2)],
                _ => __byte_ptr[r14],
            });
            if (rows <= FewRows)
            {
                a.prefetcht0(Line(panel, FetchToFirst));
            }
        }

        switch (kind)
        {
            case FloatLine.Pairs:
                Step(panel => a.vmovups(Weight(panel), Line(panel, 0)), x => __dword_ptr[x + (rax * 4)], a.vdpbf16ps);
                break;
            case FloatLine.WidenedPairs:
                // The odd elements of the line, then the even ones.
                Step(panel => a.vpandd(Weight(panel), upper, Line(panel, 0)), x => __dword_ptr[x + (rax * 8)], a.vfmadd231ps);
                Step(panel => a.vpslld(Weight(panel), Line(panel, 0), 16), x => __dword_ptr[x + (rax * 8) + 4], a.vfmadd231ps);
                break;
            case FloatLine.Halves:
                Step(panel => a.vcvtph2ps(Weight(panel), HalfLine(panel, 0)), x => __dword_ptr[x + (rax * 8)], a.vfmadd231ps);
                Step(panel => a.vcvtph2ps(Weight(panel), HalfLine(panel, 32)), x => __dword_ptr[x + (rax * 8) + 4], a.vfmadd231ps);
                break;
            case FloatLine.Singles:
                Step(panel => a.vmovups(Weight(panel), Line(panel, 0)), x => __dword_ptr[x + (rax * 4)], a.vfmadd231ps);
                break;
        }

        a.add(rsi, 64);
        a.add(rdx, 64);
        a.add(r13, r15);
        a.add(r14, r15);
        a.inc(rax);
        a.cmp(rax, __qword_ptr[rsp]);
        a.jne(line);
        a.pop(rcx);
        a.pop(rdi);
        Label back = a.CreateLabel();
        Label done = a.CreateLabel();
        a.mov(rax, __qword_ptr[rdi + FloatTileArguments.YAt]);
        a.mov(rcx, __qword_ptr[rdi + FloatTileArguments.YOffsetAt]);
        a.test(rax, rax);
        a.jz(back);
        for (int row = 0; row < rows; row++)
        {
            a.mov(rdx, __qword_ptr[rax + (8 * row)]);
            for (int panel = 0; panel < panels; panel++)
            {
                a.vmovups(__zmmword_ptr[rdx + rcx + (panel * PanelFormat.LineBytes)], Sum(row, panel));
            }
        }

        a.jmp(done);
        a.Label(ref back);
        a.mov(rax, __qword_ptr[rdi + FloatTileArguments.SumsAt]);
        Results((row, panel) => a.vmovups(__zmmword_ptr[rax + ((row * FloatTileArguments.SumsStride) + (panel * PanelFormat.LineBytes))], Sum(row, panel)));
        a.Label(ref done);
        a.vzeroupper();
        a.pop(r15);
        a.pop(r14);
        a.pop(r13);
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();

        AssemblerMemoryOperand HalfLine(int panel, int at) => panel switch
        {
            0 => __ymmword_ptr[rsi + at],
            1 => __ymmword_ptr[rsi + r12 + at],
            2 => __ymmword_ptr[rsi + (r12 * 2) + at],
            _ => __ymmword_ptr[rdx + at],
        };

        // One element of each row, or a pair, and all panels.
        void Step(Action<int> load, Func<AssemblerRegister64, AssemblerMemoryOperand> at, Action<AssemblerRegisterZMM, AssemblerRegisterZMM, AssemblerRegisterZMM> multiplyAdd)
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

        void Results(Action<int, int> move)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int panel = 0; panel < panels; panel++)
                {
                    move(row, panel);
                }
            }
        }
    }
}
