using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;
using Line = OpenAutoGlm.Cpu.Kernels.MatMul.RoundedActivations<OpenAutoGlm.Cpu.Lanes.Lanes512>;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// Up to sixteen rows of activations against a strip, by the matrix unit: for each group it makes the exact integer products of all
/// rows with a panel, which go through the first cache to vector registers, where they are scaled and added up. While the
/// products of a block are scaled, the unit makes those of the next. Bit for bit the definition in <see cref="Graph.Formats.ActivationBlocks"/>.
/// </summary>
static unsafe class MatrixCode
{
    /// <summary>Rows of activations in the largest tile.</summary>
    internal const int MostRows = MatrixUnit.MostRows;

    /// <summary>Bytes through which products go: a tile for each group of a block.</summary>
    internal const int ProductsBytes = 2 * TileBytes;

    const int TileBytes = MostRows * PanelFormat.LineBytes;

    // Of a group's products that are made to one whose are scaled: what is made takes two groups' time until it can be stored, and that one until it can be loaded.
    const int StepsAhead = 3;

    const int Products = 0;
    const int Rows = 2;
    const int Weights = 4;

    /// <summary>The function for so many rows: takes a pointer to <see cref="TileArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, StripShape shape, int rows) =>
        library.Get($"matrix {shape} {rows} × {TileCode.Panels * PanelProduct.PanelRows}", assembler => Write(assembler, shape, rows));

    /// <summary>
    /// Tiles 0 and 1 hold products, 2 and 3 activations, 4 and 5 weights. Fewer rows than sixteen take as long, so there is one size:
    /// what lies behind the rows is multiplied too, and left.
    /// </summary>
    internal static TileSizes Sizes(StripShape shape)
    {
        TileSizes sizes = new();
        int groupBytes = 32 / shape.Groups;
        for (int i = 0; i < 2; i++)
        {
            sizes.Set(Products + i, MostRows, PanelFormat.LineBytes);
            sizes.Set(Rows + i, MostRows, groupBytes);
            sizes.Set(Weights + i, groupBytes / 4, PanelFormat.LineBytes);
        }

        return sizes;
    }

    static void Write(Assembler a, StripShape shape, int rows)
    {
        AssemblerRegister64[] quarter = [r8, r9, r10, r11]; // every fourth row of activations
        (AssemblerRegister64 stride, AssemblerRegister64 thrice) = (rbx, rbp);
        (AssemblerRegister64 strip, AssemblerRegister64 blocks, AssemblerRegister64 products) = (rsi, rcx, rdx);
        (AssemblerRegister64 fetch, AssemblerRegister64 fetchStep, AssemblerRegister64 ahead) = (r13, r15, r12);
        (AssemblerRegister64 stripRow, AssemblerRegister64 productRow) = (rax, r14);
        (AssemblerRegisterZMM scale, AssemblerRegisterZMM minimum) = (zmm16, zmm17);
        int temporary = 18;
        AssemblerRegisterZMM Temporary()
        {
            AssemblerRegisterZMM register = Zmm.Of(temporary);
            temporary = temporary == 31 ? 18 : temporary + 1;
            return register;
        }

        AssemblerMemoryOperand Broadcast(int row, int at) => (row % 4) switch
        {
            0 => __dword_bcst[quarter[row / 4] + at],
            1 => __dword_bcst[quarter[row / 4] + stride + at],
            2 => __dword_bcst[quarter[row / 4] + (stride * 2) + at],
            _ => __dword_bcst[quarter[row / 4] + thrice + at],
        };

        a.push(rbx);
        a.push(rbp);
        a.push(r12);
        a.push(r13);
        a.push(r14);
        a.push(r15);
        a.mov(stride, __qword_ptr[rdi + TileArguments.StrideAt]);
        a.lea(thrice, __[stride + (stride * 2)]);
        a.mov(products, __qword_ptr[rdi + TileArguments.ProductsAt]);
        a.mov(fetchStep, __qword_ptr[rdi + TileArguments.FetchStepAt]);
        a.mov(ahead, __qword_ptr[rdi + TileArguments.AheadAt]);
        a.mov(stripRow, TileCode.Panels * PanelFormat.LineBytes);
        a.mov(productRow, PanelFormat.LineBytes);
        for (int panel = 0; panel < TileCode.Panels; panel++)
        {
            Panel(panel);
        }

        a.vzeroupper();
        a.pop(r15);
        a.pop(r14);
        a.pop(r13);
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();

        void Panel(int panel)
        {
            a.mov(fetch, __qword_ptr[rdi + (panel == 0 ? TileArguments.FetchAt : TileArguments.FetchSecondAt)]);
            a.mov(strip, __qword_ptr[rdi + TileArguments.StripAt]);
            a.mov(blocks, __qword_ptr[rdi + TileArguments.XAt]);
            a.mov(quarter[0], __qword_ptr[blocks]);
            a.add(quarter[0], __qword_ptr[rdi + TileArguments.XOffsetAt]);
            for (int i = 1; i < (rows + 3) / 4; i++)
            {
                a.lea(quarter[i], __[quarter[i - 1] + (stride * 4)]);
            }

            Label fresh = a.CreateLabel();
            Label ready = a.CreateLabel();
            a.mov(blocks, __qword_ptr[rdi + TileArguments.SumsAt]);
            a.cmp(__qword_ptr[rdi + TileArguments.AddsAt], 0);
            a.je(fresh);
            for (int row = 0; row < rows; row++)
            {
                a.vmovups(Zmm.Of(row), __zmmword_ptr[blocks + ((row * TileArguments.SumsStride) + (panel * PanelFormat.LineBytes))]);
            }

            a.jmp(ready);
            a.Label(ref fresh);
            for (int row = 0; row < rows; row++)
            {
                a.vpxord(Zmm.Of(row), Zmm.Of(row), Zmm.Of(row));
            }

            a.Label(ref ready);
            a.mov(blocks, __qword_ptr[rdi + TileArguments.BlocksAt]);
            Multiply(panel, 0);
            Multiply(panel, 1);
            Store(0);
            Multiply(panel, 2);
            Label block = a.CreateLabel();
            Label done = a.CreateLabel();
            a.Label(ref block);

            // An even number of groups, so that tiles change places.
            int unroll = 2 / shape.Groups;
            for (int at = 0; at < unroll; at++)
            {
                Fetches(panel, at);
                for (int group = 0; group < shape.Groups; group++)
                {
                    int step = (at * shape.Groups) + group;
                    Store(step + 1);
                    Multiply(panel, step + StepsAhead); // behind the last block in vain
                    AddUp(panel, step);
                }

                a.dec(blocks);
                if (at < unroll - 1)
                {
                    a.jz(done);
                }
            }

            for (int i = 0; i < (rows + 3) / 4; i++)
            {
                a.lea(quarter[i], __[quarter[i] + (unroll * Line.LineBytes)]);
            }

            a.lea(strip, __[strip + (unroll * shape.BlockBytes)]);
            a.jnz(block);
            a.Label(ref done);
            Finish(panel);
        }

        // The products of the group that comes so many after the first of where the registers point to.
        void Multiply(int panel, int step)
        {
            (int block, int group, int place) = (step / shape.Groups, step % shape.Groups, step % 2);
            a.tileloadd(MatrixUnit.Tile(Rows + place), __[quarter[0] + stride + ((block * Line.LineBytes) + (group * 32 / shape.Groups))]);
            a.tileloadd(MatrixUnit.Tile(Weights + place), __[strip + stripRow + ((block * shape.BlockBytes) + shape.LineAt(shape.FirstCodes + (group * 8 / shape.Groups), panel))]);
            a.tilezero(MatrixUnit.Tile(Products + place));
            a.tdpbssd(MatrixUnit.Tile(Products + place), MatrixUnit.Tile(Rows + place), MatrixUnit.Tile(Weights + place));
        }

        void Store(int step) => a.tilestored(__[products + productRow + (step % 2 * TileBytes)], MatrixUnit.Tile(Products + (step % 2)));

        void AddUp(int panel, int step)
        {
            (int block, int group) = (step / shape.Groups, step % shape.Groups);
            int stripAt = block * shape.BlockBytes;
            int lineAt = block * Line.LineBytes;
            a.vmovups(scale, __zmmword_ptr[strip + (stripAt + shape.LineAt(group, panel))]);
            if (shape.HasMinimum)
            {
                a.vmovups(minimum, __zmmword_ptr[strip + (stripAt + shape.LineAt(shape.Groups + group, panel))]);
            }

            int minimumAt = shape.Groups == 1 ? Line.ScaledSumAt : Line.ScaledHalfSumsAt + (4 * group);
            for (int row = 0; row < rows; row++)
            {
                (AssemblerRegisterZMM product, AssemblerRegisterZMM both) = (Temporary(), Temporary());
                a.vcvtdq2ps(product, __zmmword_ptr[products + ((step % 2 * TileBytes) + (row * PanelFormat.LineBytes))]);
                a.vmulps(both, scale, Broadcast(row, lineAt + Line.ScaleAt));
                a.vfmadd231ps(Zmm.Of(row), product, both);
                if (shape.HasMinimum)
                {
                    a.vfmadd231ps(Zmm.Of(row), minimum, Broadcast(row, lineAt + minimumAt));
                }
            }
        }

        // What the next tile and the next strip need comes nearer meanwhile.
        void Fetches(int panel, int at)
        {
            for (int row = 0; panel == 0 && row < rows; row += 4)
            {
                a.lea(fetchStep, __[quarter[row / 4] + ahead + (at * Line.LineBytes)]);
                for (int i = row; i < Math.Min(row + 4, rows); i++)
                {
                    a.prefetcht0((i % 4) switch
                    {
                        0 => __byte_ptr[fetchStep],
                        1 => __byte_ptr[fetchStep + stride],
                        2 => __byte_ptr[fetchStep + (stride * 2)],
                        _ => __byte_ptr[fetchStep + thrice],
                    });
                }
            }

            a.mov(fetchStep, __qword_ptr[rdi + TileArguments.FetchStepAt]);
            Label fetched = a.CreateLabel();
            for (int line = 0; line < TileCode.MostFetches; line++)
            {
                a.cmp(fetchStep, line * PanelFormat.LineBytes);
                a.jbe(fetched);
                a.prefetcht1(__byte_ptr[fetch + (line * PanelFormat.LineBytes)]);
            }

            a.Label(ref fetched);
            a.add(fetch, fetchStep);
        }

        void Finish(int panel)
        {
            Label back = a.CreateLabel();
            Label done = a.CreateLabel();
            a.mov(quarter[0], __qword_ptr[rdi + TileArguments.YAt]);
            a.mov(quarter[1], __qword_ptr[rdi + TileArguments.YOffsetAt]);
            a.test(quarter[0], quarter[0]);
            a.jz(back);
            for (int row = 0; row < rows; row++)
            {
                a.mov(blocks, __qword_ptr[quarter[0] + (8 * row)]);
                a.vmovups(__zmmword_ptr[blocks + quarter[1] + (panel * PanelFormat.LineBytes)], Zmm.Of(row));
            }

            a.jmp(done);
            a.Label(ref back);
            a.mov(blocks, __qword_ptr[rdi + TileArguments.SumsAt]);
            for (int row = 0; row < rows; row++)
            {
                a.vmovups(__zmmword_ptr[blocks + ((row * TileArguments.SumsStride) + (panel * PanelFormat.LineBytes))], Zmm.Of(row));
            }

            a.Label(ref done);
            a.nop(); // a label wants an instruction behind it
        }
    }
}
