using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// A tile of a product with all sums in registers, up to 24 of them: 12 rows by one or two panels, 8 by three, 6 by four. Each line
/// loads the panels, then broadcasts one row after another.
/// </summary>
static class ProductTileCode
{
    internal const int MostRows = 12;

    internal const int MostPanels = 4;

    /// <summary>Rows of the largest tile with so many panels.</summary>
    internal static int RowsFor(int panels) => panels switch
    {
        1 or 2 => 12,
        3 => 8,
        _ => 6,
    };

    /// <summary>The function for a number of rows and panels: takes a pointer to <see cref="TileArguments"/>.</summary>
    internal static MachineCode Get(CodeLibrary library, bool pairs, int rows, int panels) => library.Get(
        $"training {(pairs ? "BF16" : "F32")} tile {rows} × {panels * 16}",
        assembler => Write(assembler, pairs, rows, panels));

    static void Write(Assembler a, bool pairs, int rows, int panels)
    {
        AssemblerRegisterZMM Sum(int row, int panel) => Zmm.Of((row * panels) + panel);
        int sums = rows * panels;
        AssemblerRegisterZMM Columns(int panel) => Zmm.Of(sums + panel);
        int firstTemporary = sums + panels;
        int temporary = firstTemporary;

        // Rows 0 … 3 count from rsi, 4 … 7 from rdx, 8 … 11 from r8.
        AssemblerRegister64[] bases = [rsi, rdx, r8];
        a.push(rbx);
        a.push(rbp);
        a.mov(rsi, __qword_ptr[rdi + TileArguments.AAt]);
        a.mov(r9, __qword_ptr[rdi + TileArguments.ARowAt]);
        a.mov(r10, __qword_ptr[rdi + TileArguments.ALineAt]);
        a.mov(r11, __qword_ptr[rdi + TileArguments.BAt]);
        a.mov(rbx, __qword_ptr[rdi + TileArguments.BPanelAt]);
        a.mov(rcx, __qword_ptr[rdi + TileArguments.LinesAt]);
        a.lea(rdx, __qword_ptr[rsi + (r9 * 4)]);
        a.lea(r8, __qword_ptr[rdx + (r9 * 4)]);
        a.lea(rbp, __qword_ptr[rbx + (rbx * 2)]);
        Label fresh = a.CreateLabel();
        Label ready = a.CreateLabel();
        Label line = a.CreateLabel();
        a.cmp(__qword_ptr[rdi + TileArguments.AddsAt], 0);
        a.je(fresh);
        Results((row, panel, at) => a.vmovups(Sum(row, panel), at));
        a.jmp(ready);
        a.Label(ref fresh);
        for (int i = 0; i < sums; i++)
        {
            a.vpxord(Zmm.Of(i), Zmm.Of(i), Zmm.Of(i));
        }

        a.Label(ref ready);
        a.mov(rax, r9);
        a.lea(r9, __qword_ptr[rax + (rax * 2)]); // rax: one row, r9: three
        a.Label(ref line);
        AssemblerMemoryOperand[] columns = [__zmmword_ptr[r11], __zmmword_ptr[r11 + rbx], __zmmword_ptr[r11 + (rbx * 2)], __zmmword_ptr[r11 + rbp]];
        for (int panel = 0; panel < panels; panel++)
        {
            a.vmovups(Columns(panel), columns[panel]);
        }

        for (int row = 0; row < rows; row++)
        {
            AssemblerRegisterZMM element = Zmm.Of(temporary);
            temporary = temporary == 31 ? firstTemporary : temporary + 1;
            AssemblerRegister64 start = bases[row / 4];
            AssemblerMemoryOperand at = (row % 4) switch
            {
                0 => __dword_ptr[start],
                1 => __dword_ptr[start + rax],
                2 => __dword_ptr[start + (rax * 2)],
                _ => __dword_ptr[start + r9],
            };
            a.vpbroadcastd(element, at);
            for (int panel = 0; panel < panels; panel++)
            {
                if (pairs)
                {
                    a.vdpbf16ps(Sum(row, panel), Columns(panel), element);
                }
                else
                {
                    a.vfmadd231ps(Sum(row, panel), Columns(panel), element);
                }
            }
        }

        a.add(rsi, r10);
        a.add(rdx, r10);
        a.add(r8, r10);
        a.add(r11, __qword_ptr[rdi + TileArguments.BLineAt]);
        a.dec(rcx);
        a.jne(line);
        Results((row, panel, at) => a.vmovups(at, Sum(row, panel)));
        a.vzeroupper();
        a.pop(rbp);
        a.pop(rbx);
        a.ret();

        // Uses rax only.
        void Results(Action<int, int, AssemblerMemoryOperand> move)
        {
            a.mov(rax, __qword_ptr[rdi + TileArguments.CAt]);
            for (int row = 0; row < rows; row++)
            {
                for (int panel = 0; panel < panels; panel++)
                {
                    move(row, panel, __zmmword_ptr[rax + (64 * panel)]);
                }

                a.add(rax, __qword_ptr[rdi + TileArguments.CRowAt]);
            }
        }
    }
}
