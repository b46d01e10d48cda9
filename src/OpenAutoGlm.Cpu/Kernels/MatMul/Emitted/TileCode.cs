using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Graph.Formats;
using static Iced.Intel.AssemblerRegisters;
using Line = OpenAutoGlm.Cpu.Kernels.MatMul.RoundedActivations<OpenAutoGlm.Cpu.Lanes.Lanes512>;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>What <see cref="TileCode"/> is called with.</summary>
unsafe struct TileArguments
{
    internal const int StripAt = 0;
    internal const int BlocksAt = 8;
    internal const int AddsAt = 16;
    internal const int AheadAt = 24;
    internal const int XAt = 32;
    internal const int XOffsetAt = 40;
    internal const int SumsAt = 48;
    internal const int YAt = 56;
    internal const int YOffsetAt = 64;
    internal const int FetchAt = 72;
    internal const int FetchSecondAt = 80;
    internal const int FetchStepAt = 88;
    internal const int SecondAt = 96;
    internal const int ProductsAt = 104;
    internal const int StrideAt = 112;

    /// <summary>Bytes from a row of sums to the next.</summary>
    internal const int SumsStride = TileCode.Panels * PanelFormat.LineBytes;

    /// <summary>The strip, as <see cref="StripCode"/> writes it; where there is none, the first panel's units.</summary>
    internal byte* Strip;

    /// <summary>Blocks of 32 elements in the strip.</summary>
    internal long Blocks;

    /// <summary>0 where sums begin, else they go on from what is at Sums.</summary>
    internal long Adds;

    /// <summary>Bytes from each row to the one in its place in the next tile, which is fetched ahead; a guess does no harm.</summary>
    internal long Ahead;

    /// <summary>For each row of the tile, where its lines of activations begin.</summary>
    internal byte** X;

    /// <summary>What is added to these: the distance to the strip's first block.</summary>
    internal long XOffset;

    /// <summary>The sums so far, a row of two panels after the other.</summary>
    internal byte* Sums;

    /// <summary>Where the sums of each row go in the end; null for back to Sums.</summary>
    internal byte** Y;

    /// <summary>What is added to these.</summary>
    internal long YOffset;

    /// <summary>Packed weights that come from memory into the second cache meanwhile, some lines with each block.</summary>
    internal byte* Fetch;

    /// <summary>Those of the other panel.</summary>
    internal byte* FetchSecond;

    /// <summary>Bytes of each that are fetched with a block: up to <see cref="TileCode.MostFetches"/> lines, 0 where everything has been fetched.</summary>
    internal long FetchStep;

    /// <summary>Where there is no strip, the second panel's units.</summary>
    internal byte* Second;

    /// <summary>For <see cref="MatrixCode"/>, room for <see cref="MatrixCode.ProductsBytes"/>.</summary>
    internal byte* Products;

    /// <summary>For <see cref="MatrixCode"/>, bytes from a row of activations to the next.</summary>
    internal long Stride;
}

/// <summary>
/// A tile of up to six rows of activations and two panels: twelve integer and twelve float accumulators stay in
/// registers while a strip of unpacked weights, which lies in the first cache, passes by; where panels need no unpacking, their units do. Bit for bit the definition
/// in <see cref="Graph.Formats.ActivationBlocks"/>.
/// </summary>
static unsafe class TileCode
{
    /// <summary>Rows of activations in the largest tile.</summary>
    internal const int MostRows = 6;

    /// <summary>
    /// Lines of each panel to come that can be fetched with a block. All at once would not do: a core waits for a few dozen lines
    /// only, and what else it wants then queues behind them. More than are needed cost time too.
    /// </summary>
    internal const int MostFetches = 5;

    /// <summary>Units from what a first tile uses to what it fetches into the first cache.</summary>
    const int UnitsAhead = 2;

    /// <summary>Panels in a tile, and in a strip.</summary>
    internal const int Panels = 2;

    /// <summary>The function for a number of rows and for what the strip holds: takes a pointer to <see cref="TileArguments"/>.</summary>
    /// <param name="library">Holds it.</param>
    /// <param name="shape">What the strip holds.</param>
    /// <param name="rows">Rows of activations.</param>
    /// <param name="isFirst">Whether it is the first to use its packed units, which it then brings from the second cache into the first.</param>
    internal static MachineCode Get(CodeLibrary library, StripShape shape, int rows, bool isFirst = false) =>
        library.Get($"{(isFirst ? "first " : "")}tile {shape} {rows} × {Panels * PanelProduct.PanelRows}", assembler => Write(assembler, shape, rows, isFirst));

    static void Write(Assembler a, StripShape shape, int rows, bool isFirst)
    {
        AssemblerRegister64[] x = [r8, r9, r10, r11, rbx, rbp];
        int accumulators = rows * Panels;
        AssemblerRegisterZMM Sum(int row, int panel) => Zmm.Of((row * Panels) + panel);
        AssemblerRegisterZMM Dot(int row, int panel) => Zmm.Of(accumulators + (row * Panels) + panel);
        AssemblerRegisterZMM Weight(int panel) => Zmm.Of((2 * accumulators) + panel);
        AssemblerRegister64 Units(int panel) => panel == 0 ? rsi : rdi;
        PanelFormat packed = PanelFormat.Of(TensorFormat.Q8_0); // The one format whose panels need no strip.
        int firstTemporary = (2 * accumulators) + Panels;
        int temporary = firstTemporary;
        AssemblerRegisterZMM Temporary()
        {
            AssemblerRegisterZMM register = Zmm.Of(temporary);
            temporary = temporary == 31 ? firstTemporary : temporary + 1;
            return register;
        }

        a.push(rbx);
        a.push(rbp);
        a.push(r12);
        a.push(r13);
        a.push(r14);
        a.push(r15);
        a.mov(r12, __qword_ptr[rdi + TileArguments.AheadAt]);
        a.mov(r13, __qword_ptr[rdi + TileArguments.FetchAt]);
        a.mov(r14, __qword_ptr[rdi + TileArguments.FetchSecondAt]);
        a.mov(r15, __qword_ptr[rdi + TileArguments.FetchStepAt]);
        a.mov(rsi, __qword_ptr[rdi + TileArguments.StripAt]);
        a.mov(rcx, __qword_ptr[rdi + TileArguments.BlocksAt]);
        a.mov(rax, __qword_ptr[rdi + TileArguments.XAt]);
        a.mov(rdx, __qword_ptr[rdi + TileArguments.XOffsetAt]);
        for (int row = 0; row < rows; row++)
        {
            a.mov(x[row], __qword_ptr[rax + (8 * row)]);
            a.add(x[row], rdx);
        }

        // The rows of y that the next tile writes lie apart from one another; a guess does no harm.
        Label sumsOnly = a.CreateLabel();
        a.mov(rax, __qword_ptr[rdi + TileArguments.YAt]);
        a.mov(rcx, __qword_ptr[rdi + TileArguments.YOffsetAt]);
        a.test(rax, rax);
        a.jz(sumsOnly);
        for (int row = 0; row < rows; row++)
        {
            a.mov(rdx, __qword_ptr[rax + (8 * (rows + row))]);
            for (int panel = 0; panel < Panels; panel++)
            {
                a.prefetchw(__byte_ptr[rdx + rcx + (panel * PanelFormat.LineBytes)]);
            }
        }

        a.Label(ref sumsOnly);
        a.mov(rcx, __qword_ptr[rdi + TileArguments.BlocksAt]);
        a.mov(rdx, __qword_ptr[rdi + TileArguments.SumsAt]);

        Label fresh = a.CreateLabel();
        Label ready = a.CreateLabel();
        Label block = a.CreateLabel();
        a.cmp(__qword_ptr[rdi + TileArguments.AddsAt], 0);
        a.je(fresh);
        for (int row = 0; row < rows; row++)
        {
            for (int panel = 0; panel < Panels; panel++)
            {
                a.vmovups(Sum(row, panel), __zmmword_ptr[rdx + ((row * TileArguments.SumsStride) + (panel * 64))]);
            }
        }

        a.jmp(ready);
        a.Label(ref fresh);
        for (int i = 0; i < accumulators; i++)
        {
            a.vpxord(Zmm.Of(i), Zmm.Of(i), Zmm.Of(i));
        }

        a.Label(ref ready);
        if (shape.Packed)
        {
            a.push(rdi);
            a.mov(rdi, __qword_ptr[rdi + TileArguments.SecondAt]);
        }

        a.xor(eax, eax);
        a.Label(ref block);
        for (int row = 0; row < rows; row++)
        {
            a.lea(rdx, __qword_ptr[x[row] + rax]);
            a.prefetcht0(__byte_ptr[rdx + r12]);
        }

        for (int line = 0; isFirst && line * PanelFormat.LineBytes < packed.UnitBytes; line++)
        {
            a.prefetcht0(__byte_ptr[rsi + ((UnitsAhead * packed.UnitBytes) + (line * PanelFormat.LineBytes))]);
            a.prefetcht0(__byte_ptr[rdi + ((UnitsAhead * packed.UnitBytes) + (line * PanelFormat.LineBytes))]);
        }

        Label fetched = a.CreateLabel();
        for (int fetch = 0; fetch < MostFetches; fetch++)
        {
            a.cmp(r15, fetch * PanelFormat.LineBytes);
            a.jbe(fetched);
            a.prefetcht1(__byte_ptr[r13 + (fetch * PanelFormat.LineBytes)]);
            a.prefetcht1(__byte_ptr[r14 + (fetch * PanelFormat.LineBytes)]);
        }

        a.Label(ref fetched);
        a.add(r13, r15);
        a.add(r14, r15);
        for (int group = 0; group < shape.Groups; group++)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int panel = 0; panel < Panels; panel++)
                {
                    if (shape.Raised)
                    {
                        a.vpbroadcastd(Dot(row, panel), __dword_ptr[x[row] + rax + StripShape.NegatedSumAt(shape.Groups, group)]);
                    }
                    else
                    {
                        a.vpxord(Dot(row, panel), Dot(row, panel), Dot(row, panel));
                    }
                }
            }

            int quads = 8 / shape.Groups;
            for (int quad = group * quads; quad < (group + 1) * quads; quad++)
            {
                for (int panel = 0; panel < Panels; panel++)
                {
                    a.vmovups(Weight(panel), shape.Packed
                        ? __zmmword_ptr[Units(panel) + (packed.CodesAt + (quad * PanelFormat.LineBytes))]
                        : __zmmword_ptr[rsi + shape.LineAt(shape.FirstCodes + quad, panel)]);
                }

                for (int row = 0; row < rows; row++)
                {
                    AssemblerRegisterZMM activations = Temporary();
                    a.vpbroadcastd(activations, __dword_ptr[x[row] + rax + (4 * quad)]);
                    for (int panel = 0; panel < Panels; panel++)
                    {
                        a.vpdpbusd(Dot(row, panel), Weight(panel), activations);
                    }
                }
            }

            for (int panel = 0; panel < Panels; panel++)
            {
                if (shape.Packed)
                {
                    a.vcvtph2ps(Weight(panel), __ymmword_ptr[Units(panel)]);
                }
                else
                {
                    a.vmovups(Weight(panel), __zmmword_ptr[rsi + shape.LineAt(group, panel)]);
                }
            }

            for (int row = 0; row < rows; row++)
            {
                for (int panel = 0; panel < Panels; panel++)
                {
                    AssemblerRegisterZMM product = Temporary();
                    a.vcvtdq2ps(Dot(row, panel), Dot(row, panel));
                    a.vmulps(product, Weight(panel), __dword_bcst[x[row] + rax + Line.ScaleAt]);
                    a.vfmadd231ps(Sum(row, panel), Dot(row, panel), product);
                }
            }

            if (shape.HasMinimum)
            {
                int at = shape.Groups == 1 ? Line.ScaledSumAt : Line.ScaledHalfSumsAt + (4 * group);
                for (int panel = 0; panel < Panels; panel++)
                {
                    a.vmovups(Weight(panel), __zmmword_ptr[rsi + shape.LineAt(shape.Groups + group, panel)]);
                }

                for (int row = 0; row < rows; row++)
                {
                    for (int panel = 0; panel < Panels; panel++)
                    {
                        a.vfmadd231ps(Sum(row, panel), Weight(panel), __dword_bcst[x[row] + rax + at]);
                    }
                }
            }
        }

        if (shape.Packed)
        {
            a.add(rsi, packed.UnitBytes);
            a.add(rdi, packed.UnitBytes);
        }
        else
        {
            a.add(rsi, shape.BlockBytes);
        }

        a.add(rax, Line.LineBytes);
        a.dec(rcx);
        a.jnz(block);
        if (shape.Packed)
        {
            a.pop(rdi);
        }

        Label back = a.CreateLabel();
        Label done = a.CreateLabel();
        a.mov(rax, __qword_ptr[rdi + TileArguments.YAt]);
        a.mov(rcx, __qword_ptr[rdi + TileArguments.YOffsetAt]);
        a.test(rax, rax);
        a.jz(back);
        for (int row = 0; row < rows; row++)
        {
            a.mov(rdx, __qword_ptr[rax + (8 * row)]);
            for (int panel = 0; panel < Panels; panel++)
            {
                a.vmovups(__zmmword_ptr[rdx + rcx + (panel * 64)], Sum(row, panel));
            }
        }

        a.jmp(done);
        a.Label(ref back);
        a.mov(rdx, __qword_ptr[rdi + TileArguments.SumsAt]);
        for (int row = 0; row < rows; row++)
        {
            for (int panel = 0; panel < Panels; panel++)
            {
                a.vmovups(__zmmword_ptr[rdx + ((row * TileArguments.SumsStride) + (panel * 64))], Sum(row, panel));
            }
        }

        a.Label(ref done);
        a.vzeroupper();
        a.pop(r15);
        a.pop(r14);
        a.pop(r13);
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();
    }
}
