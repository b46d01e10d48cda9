using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;
using Line = OpenAutoGlm.Cpu.Kernels.MatMul.RoundedActivations<OpenAutoGlm.Cpu.Lanes.Lanes512>;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>What <see cref="RowsCode"/> is called with.</summary>
unsafe struct RowsArguments
{
    internal const int WeightsAt = 0;
    internal const int PanelsAt = 8;
    internal const int UnitsAt = 16;
    internal const int AddsAt = 24;
    internal const int XAt = 32;
    internal const int YAt = XAt + (8 * RowsCode.MostRows);

    /// <summary>The first panel's strip; those of the others follow.</summary>
    internal byte* Weights;

    /// <summary>How many panels, at least one.</summary>
    internal long Panels;

    /// <summary>Units of each panel's strip, at least one.</summary>
    internal long Units;

    /// <summary>0 where sums begin, else they go on from what is at Y.</summary>
    internal long Adds;

    /// <summary>The lines of each row of activations that meet the first unit, see <see cref="RoundedActivations{T}"/>.</summary>
    internal fixed long X[RowsCode.MostRows];

    /// <summary>Where the first panel's sixteen results of each row go; those of the next panel follow.</summary>
    internal fixed long Y[RowsCode.MostRows];
}

/// <summary>
/// One to eight rows of activations against packed panels that come from memory: codes are unpacked into registers,
/// used for every row, and forgotten. Bit for bit the definition in <see cref="Graph.Formats.ActivationBlocks"/>.
/// </summary>
static unsafe class RowsCode
{
    /// <summary>The most rows that registers have room for.</summary>
    internal const int MostRows = 8;

    /// <summary>Bytes from what is used to what is fetched, in two steps: the first cache alone waits for too few lines at a time.</summary>
    const int FetchToSecond = 8192;

    const int FetchToFirst = 2048;

    /// <summary>The function for a format and a number of rows: takes a pointer to <see cref="RowsArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, PanelFormat format, int rows) =>
        library.Get($"{format.Format} {rows} {(rows == 1 ? "row" : "rows")}", assembler => Write(assembler, format, rows, fetches: rows > 1 || library.FetchesForOneRow));

    static void Write(Assembler a, PanelFormat format, int rows, bool fetches)
    {
        AssemblerRegister64[] x = [r8, r9, r10, r11, rbx, rbp, r13, r14];
        a.push(rbx);
        a.push(rbp);
        a.push(r12);
        a.push(r13);
        a.push(r14);
        a.push(r15);
        a.mov(rsi, __qword_ptr[rdi + RowsArguments.WeightsAt]);
        a.mov(r15, __qword_ptr[rdi + RowsArguments.PanelsAt]);
        a.mov(r12, __qword_ptr[rdi + RowsArguments.UnitsAt]);
        a.imul(r12, r12, format.UnitBlocks * Line.LineBytes);
        for (int row = 0; row < rows; row++)
        {
            a.mov(x[row], __qword_ptr[rdi + (RowsArguments.XAt + (8 * row))]);
        }

        a.xor(edx, edx);
        CodeWriter codes = new(a, format, firstTemporary: 2 * rows, constants: 28);
        codes.LoadConstants();
        Label panel = a.CreateLabel();
        Label unit = a.CreateLabel();
        a.Label(ref panel);
        Label fresh = a.CreateLabel();
        Label ready = a.CreateLabel();
        a.cmp(__qword_ptr[rdi + RowsArguments.AddsAt], 0);
        a.je(fresh);
        for (int row = 0; row < rows; row++)
        {
            a.mov(rcx, __qword_ptr[rdi + (RowsArguments.YAt + (8 * row))]);
            a.vmovups(Zmm.Of(row), __zmmword_ptr[rcx + rdx]);
        }

        a.jmp(ready);
        a.Label(ref fresh);
        for (int row = 0; row < rows; row++)
        {
            a.vpxord(Zmm.Of(row), Zmm.Of(row), Zmm.Of(row));
        }

        a.Label(ref ready);
        a.xor(eax, eax);
        a.Label(ref unit);
        codes.OpenUnit();
        for (int block = 0; block < format.UnitBlocks; block++)
        {
            if (fetches)
            {
                Fetch(a, format, block);
            }

            Block(a, format, codes, block, x[..rows]);
        }

        a.add(rsi, format.UnitBytes);
        a.add(rax, format.UnitBlocks * Line.LineBytes);
        a.cmp(rax, r12);
        a.jne(unit);
        for (int row = 0; row < rows; row++)
        {
            a.mov(rcx, __qword_ptr[rdi + (RowsArguments.YAt + (8 * row))]);
            a.vmovups(__zmmword_ptr[rcx + rdx], Zmm.Of(row));
        }

        a.add(rdx, PanelFormat.LineBytes);
        a.dec(r15);
        a.jnz(panel);
        a.vzeroupper();
        a.pop(r15);
        a.pop(r14);
        a.pop(r13);
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();
    }

    /// <summary>Asks for what comes after a block.</summary>
    static void Fetch(Assembler a, PanelFormat format, int block)
    {
        int lines = format.BlockLines + (block == 0 ? (format.CodesAt + PanelFormat.LineBytes - 1) / PanelFormat.LineBytes : 0);
        int from = block == 0 ? 0 : format.CodesAt + (block * format.BlockLines * PanelFormat.LineBytes);
        for (int line = from; line < from + (lines * PanelFormat.LineBytes); line += PanelFormat.LineBytes)
        {
            a.prefetcht1(__byte_ptr[rsi + (line + FetchToSecond)]);
            a.prefetcht0(__byte_ptr[rsi + (line + FetchToFirst)]);
        }
    }

    /// <summary>Registers: the sums in 0 …, the dots from rows on.</summary>
    static void Block(Assembler a, PanelFormat format, CodeWriter codes, int block, AssemblerRegister64[] x)
    {
        int rows = x.Length;
        int groups = format.BlockGroups;

        AssemblerMemoryOperand At(int row, int field) => __dword_bcst[x[row] + rax + ((block * Line.LineBytes) + field)];
        for (int group = 0; group < groups; group++)
        {
            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM dot = Zmm.Of(rows + row);
                if (format.Offset == 0)
                {
                    a.vpxord(dot, dot, dot);
                }
                else if (format.Offset == Line.NegatedSumFactor)
                {
                    a.vpbroadcastd(dot, __dword_ptr[x[row] + rax + ((block * Line.LineBytes) + StripShape.NegatedSumAt(groups, group))]);
                }
                else
                {
                    a.vpsrad(dot, At(row, StripShape.NegatedSumAt(groups, group)), (byte)int.Log2(Line.NegatedSumFactor / format.Offset));
                }
            }

            codes.Quads(block, groups == 1 ? null : group, (quad, register) =>
            {
                for (int row = 0; row < rows; row++)
                {
                    a.vpdpbusd(Zmm.Of(rows + row), register, At(row, 4 * quad));
                }
            });
            (AssemblerRegisterZMM scale, AssemblerRegisterZMM? minimum) = codes.Scale((block * groups) + group);
            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM product = codes.Temporary();
                a.vcvtdq2ps(Zmm.Of(rows + row), Zmm.Of(rows + row));
                a.vmulps(product, scale, At(row, Line.ScaleAt));
                a.vfmadd231ps(Zmm.Of(row), Zmm.Of(rows + row), product);
                if (minimum is { } m)
                {
                    a.vfmadd231ps(Zmm.Of(row), m, At(row, groups == 1 ? Line.ScaledSumAt : Line.ScaledHalfSumsAt + (4 * group)));
                }
            }
        }
    }
}
