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
    internal const int XAt = 24;
    internal const int YAt = XAt + (8 * RowsCode.MostRows);

    /// <summary>The first panel.</summary>
    internal byte* Weights;

    /// <summary>How many panels, at least one.</summary>
    internal long Panels;

    /// <summary>Units of a panel, at least one.</summary>
    internal long Units;

    /// <summary>The lines of each row of activations, see <see cref="RoundedActivations{T}"/>.</summary>
    internal fixed long X[RowsCode.MostRows];

    /// <summary>Where the first panel's sixteen results of each row go; those of the next panel follow.</summary>
    internal fixed long Y[RowsCode.MostRows];
}

/// <summary>
/// One to four rows of activations against packed panels that come from memory: codes are unpacked into registers,
/// used for every row, and forgotten. Bit for bit the definition in <see cref="Graph.Formats.ActivationBlocks"/>.
/// </summary>
static unsafe class RowsCode
{
    /// <summary>The most rows that registers have room for.</summary>
    internal const int MostRows = 4;

    /// <summary>The function for a format and a number of rows: takes a pointer to <see cref="RowsArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, PanelFormat format, int rows) =>
        library.Get($"{format.Format} {rows} {(rows == 1 ? "row" : "rows")}", assembler => Write(assembler, format, rows));

    static void Write(Assembler a, PanelFormat format, int rows)
    {
        AssemblerRegister64[] x = [r10, r11, rbx, rbp];
        a.push(rbx);
        a.push(rbp);
        a.push(r12);
        a.mov(rsi, __qword_ptr[rdi + RowsArguments.WeightsAt]);
        a.mov(r8, __qword_ptr[rdi + RowsArguments.PanelsAt]);
        a.mov(r12, __qword_ptr[rdi + RowsArguments.UnitsAt]);
        a.imul(r12, r12, format.UnitBlocks * Line.LineBytes);
        for (int row = 0; row < rows; row++)
        {
            a.mov(x[row], __qword_ptr[rdi + (RowsArguments.XAt + (8 * row))]);
        }

        a.xor(edx, edx);
        CodeWriter codes = new(a, format, firstTemporary: 3 * rows, constants: 28);
        codes.LoadConstants();
        Label panel = a.CreateLabel();
        Label unit = a.CreateLabel();
        a.Label(ref panel);
        for (int row = 0; row < rows; row++)
        {
            a.vpxord(Zmm.Of(row), Zmm.Of(row), Zmm.Of(row));
        }

        a.xor(eax, eax);
        a.Label(ref unit);
        codes.OpenUnit();
        for (int block = 0; block < format.UnitBlocks; block++)
        {
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
        a.dec(r8);
        a.jnz(panel);
        a.vzeroupper();
        a.pop(r12);
        a.pop(rbp);
        a.pop(rbx);
        a.ret();
    }

    /// <summary>Registers: sums in 0 …, the dots of the first group from rows on, those of a second one from 2 · rows on.</summary>
    static void Block(Assembler a, PanelFormat format, CodeWriter codes, int block, AssemblerRegister64[] x)
    {
        int rows = x.Length;
        AssemblerMemoryOperand At(int row, int field) => __dword_bcst[x[row] + rax + ((block * Line.LineBytes) + field)];
        for (int group = 0; group < format.BlockGroups; group++)
        {
            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM dot = Zmm.Of((rows * (1 + group)) + row);
                if (format.Offset == 0)
                {
                    a.vpxord(dot, dot, dot);
                }
                else
                {
                    int sum = format.BlockGroups == 1 ? Line.NegatedSumAt : Line.NegatedHalfSumsAt + (4 * group);
                    a.vpslld(dot, At(row, sum), (byte)int.Log2(format.Offset));
                }
            }
        }

        codes.Quads(block, (quad, register) =>
        {
            for (int row = 0; row < rows; row++)
            {
                a.vpdpbusd(Zmm.Of((rows * (1 + (quad * format.BlockGroups / 8))) + row), register, At(row, 4 * quad));
            }
        });
        for (int group = 0; group < format.BlockGroups; group++)
        {
            (AssemblerRegisterZMM scale, AssemblerRegisterZMM? minimum) = codes.Scale((block * format.BlockGroups) + group);
            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM dot = Zmm.Of((rows * (1 + group)) + row);
                AssemblerRegisterZMM product = codes.Temporary();
                a.vcvtdq2ps(dot, dot);
                a.vmulps(product, scale, At(row, Line.ScaleAt));
                a.vfmadd231ps(Zmm.Of(row), dot, product);
                if (minimum is { } m)
                {
                    int sum = format.BlockGroups == 1 ? Line.ScaledSumAt : Line.ScaledHalfSumsAt + (4 * group);
                    a.vfmadd231ps(Zmm.Of(row), m, At(row, sum));
                }
            }
        }
    }
}
