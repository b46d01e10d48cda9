using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>What <see cref="MatrixPairCode"/> is called with.</summary>
unsafe struct MatrixPairArguments
{
    internal const int WeightsAt = 0;
    internal const int PanelBytesAt = 8;
    internal const int StepsAt = 16;
    internal const int AddsAt = 24;
    internal const int XAt = 32;
    internal const int StrideAt = 40;
    internal const int SumsAt = 48;
    internal const int SumsStrideAt = 56;

    /// <summary>The first line of the first panel.</summary>
    internal byte* Weights;

    /// <summary>Bytes from a panel to the next.</summary>
    internal long PanelBytes;

    /// <summary>Sixteen lines of each panel, at least once.</summary>
    internal long Steps;

    /// <summary>0 where sums begin, else they go on from what is at Sums.</summary>
    internal long Adds;

    /// <summary>The pairs of the first row of activations.</summary>
    internal byte* X;

    /// <summary>Bytes from a row of them to the next.</summary>
    internal long Stride;

    /// <summary>The sums of the first row, of the panels one after the other; sixteen or 32 rows.</summary>
    internal byte* Sums;

    /// <summary>Bytes from a row of them to the next.</summary>
    internal long SumsStride;
}

/// <summary>Sixteen or 32 rows of BF16 activations against some panels of BF16 weights by the matrix unit, which keeps all sums: four tiles.</summary>
static unsafe class MatrixPairCode
{
    /// <summary>Rows of a tile.</summary>
    internal const int TileRows = MatrixUnit.MostRows;

    /// <summary>Elements of k that are multiplied in a step.</summary>
    internal const int StepElements = 32;

    /// <summary>Tiles of sums.</summary>
    const int MostSums = 4;

    const int StepBytes = TileRows * PanelFormat.LineBytes;

    // Where there is one tile of rows it waits for memory: bytes from what is used of a panel to what is fetched.
    const int FetchToSecond = 8192;
    const int FetchToFirst = 2048;

    /// <summary>Steps from the activations that are used to those that are fetched, where there are many.</summary>
    const int StepsAhead = 2;

    /// <summary>The most panels of a call for so many tiles of rows.</summary>
    internal static int MostPanels(int rowTiles) => MostSums / rowTiles;

    /// <summary>The function for one or two tiles of rows and so many panels: takes a pointer to <see cref="MatrixPairArguments"/>.</summary>
    /// <param name="library">Holds it.</param>
    /// <param name="rowTiles">Tiles of rows.</param>
    /// <param name="panels">Panels.</param>
    /// <param name="fetch">Whether the weights come from memory, where there is one tile of rows.</param>
    internal static MachineCode Get(CodeLibrary library, int rowTiles, int panels, bool fetch) =>
        library.Get($"matrix BF16 {rowTiles * TileRows} × {panels * PanelProduct.PanelRows}{(fetch ? ", fetching" : "")}", assembler => Write(assembler, rowTiles, panels, fetch));

    /// <summary>All tiles are whole: what lies behind the rows is multiplied too, and left.</summary>
    internal static TileSizes Sizes()
    {
        TileSizes sizes = new();
        for (int i = 0; i < MatrixUnit.Tiles; i++)
        {
            sizes.Set(i, TileRows, PanelFormat.LineBytes);
        }

        return sizes;
    }

    static void Write(Assembler a, int rowTiles, int panels, bool fetch)
    {
        AssemblerRegister64[] x = [r8, r9];
        AssemblerRegister64[] weights = [r10, r11, rbx, r12];
        (AssemblerRegister64 stride, AssemblerRegister64 line, AssemblerRegister64 thrice) = (rsi, rax, r13);
        (AssemblerRegister64 steps, AssemblerRegister64 sums) = (rcx, rdx);
        AssemblerRegisterTMM Sum(int rowTile, int panel) => MatrixUnit.Tile((rowTile * panels) + panel);
        AssemblerRegisterTMM Rows(int rowTile) => MatrixUnit.Tile(MostSums + rowTile);
        AssemblerRegisterTMM Weights(int panel) => MatrixUnit.Tile(MostSums + rowTiles + (panel % (MostSums - rowTiles)));

        a.push(rbx);
        a.push(r12);
        a.push(r13);
        a.mov(stride, __[rdi + MatrixPairArguments.StrideAt]);
        a.lea(thrice, __[stride + (stride * 2)]);
        a.mov(x[0], __[rdi + MatrixPairArguments.XAt]);
        a.mov(line, stride);
        a.shl(line, 4);
        a.lea(x[1], __[x[0] + line]);
        a.mov(weights[0], __[rdi + MatrixPairArguments.WeightsAt]);
        a.mov(steps, __[rdi + MatrixPairArguments.PanelBytesAt]);
        for (int panel = 1; panel < panels; panel++)
        {
            a.lea(weights[panel], __[weights[panel - 1] + steps]);
        }

        Label fresh = a.CreateLabel();
        Label ready = a.CreateLabel();
        a.cmp(__qword_ptr[rdi + MatrixPairArguments.AddsAt], 0);
        a.je(fresh);
        OfSums((sum, at) => a.tileloadd(sum, at));
        a.jmp(ready);
        a.Label(ref fresh);
        for (int i = 0; i < rowTiles * panels; i++)
        {
            a.tilezero(MatrixUnit.Tile(i));
        }

        a.Label(ref ready);
        a.mov(line, PanelFormat.LineBytes);
        a.mov(steps, __[rdi + MatrixPairArguments.StepsAt]);
        Label step = a.CreateLabel();
        a.Label(ref step);
        for (int rowTile = 0; rowTile < rowTiles; rowTile++)
        {
            a.tileloadd(Rows(rowTile), __[x[rowTile] + stride]);
        }

        for (int panel = 0; panel < panels; panel++)
        {
            for (int at = 0; fetch && at < StepBytes; at += PanelFormat.LineBytes)
            {
                a.prefetcht1(__byte_ptr[weights[panel] + (FetchToSecond + at)]);
                a.prefetcht0(__byte_ptr[weights[panel] + (FetchToFirst + at)]);
            }

            a.tileloadd(Weights(panel), __[weights[panel] + line]);
            for (int rowTile = 0; rowTile < rowTiles; rowTile++)
            {
                a.tdpbf16ps(Sum(rowTile, panel), Rows(rowTile), Weights(panel));
            }
        }

        if (rowTiles > 1)
        {
            FetchRows();
        }

        for (int panel = 0; panel < panels; panel++)
        {
            a.add(weights[panel], StepBytes);
        }

        for (int rowTile = 0; rowTile < rowTiles; rowTile++)
        {
            a.add(x[rowTile], PanelFormat.LineBytes);
        }

        a.dec(steps);
        a.jnz(step);
        OfSums((sum, at) => a.tilestored(at, sum));
        a.pop(r13);
        a.pop(r12);
        a.pop(rbx);
        a.ret();

        // Uses what the loop does not need yet or any more.
        void OfSums(Action<AssemblerRegisterTMM, AssemblerMemoryOperand> action)
        {
            a.mov(sums, __[rdi + MatrixPairArguments.SumsAt]);
            a.mov(steps, __[rdi + MatrixPairArguments.SumsStrideAt]);
            for (int rowTile = 0; rowTile < rowTiles; rowTile++)
            {
                for (int panel = 0; panel < panels; panel++)
                {
                    action(Sum(rowTile, panel), __[sums + steps + (panel * PanelFormat.LineBytes)]);
                }

                a.mov(line, steps);
                a.shl(line, 4);
                a.add(sums, line);
            }
        }

        // The activations of a step to come; the processor does not foresee 32 rows.
        void FetchRows()
        {
            const int Ahead = StepsAhead * PanelFormat.LineBytes;
            for (int rowTile = 0; rowTile < rowTiles; rowTile++)
            {
                a.mov(sums, x[rowTile]);
                for (int row = 0; row < TileRows; row += 4)
                {
                    a.prefetcht0(__byte_ptr[sums + Ahead]);
                    a.prefetcht0(__byte_ptr[sums + stride + Ahead]);
                    a.prefetcht0(__byte_ptr[sums + (stride * 2) + Ahead]);
                    a.prefetcht0(__byte_ptr[sums + thrice + Ahead]);
                    a.lea(sums, __[sums + (stride * 4)]);
                }
            }
        }
    }
}
