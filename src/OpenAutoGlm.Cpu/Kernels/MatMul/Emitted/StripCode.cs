using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using static Iced.Intel.AssemblerRegisters;
using Line = OpenAutoGlm.Cpu.Kernels.MatMul.RoundedActivations<OpenAutoGlm.Cpu.Lanes.Lanes512>;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// What a strip holds: weights of two panels taken apart for tiles. For each block of 32 elements there are lines of
/// sixteen lanes, those of the two panels side by side: scales of the groups, minimums of the groups, eight quads of codes.
/// </summary>
/// <param name="Groups">Groups in a block: 1 or 2.</param>
/// <param name="HasMinimum">Whether there are lines of minimums.</param>
/// <param name="Raised">Whether bytes are 128 more than their codes, whatever their offset in the panel was; else they are the codes.</param>
/// <param name="Packed">Whether there is no strip: the lines of the panels are what tiles want, and only scales are widened on the way.</param>
readonly record struct StripShape(int Groups, bool HasMinimum, bool Raised, bool Packed = false)
{
    /// <summary>The line of the first quad.</summary>
    internal int FirstCodes => HasMinimum ? 2 * Groups : Groups;

    internal int BlockBytes => LineAt(FirstCodes + 8, 0);

    internal static StripShape Of(PanelFormat format) => new(format.BlockGroups, format.Blocks.HasMinimum, format.Offset != 0, IsPacked(format));

    /// <summary>As the matrix unit wants it, which multiplies signed bytes.</summary>
    internal static StripShape Signed(PanelFormat format) => new(format.BlockGroups, format.Blocks.HasMinimum, Raised: false);

    /// <summary>A byte for each code, 128 more than the code, and F16 scales.</summary>
    static bool IsPacked(PanelFormat format) => format is { Bits: CodeBits.Eight, Scales: ScaleKind.Half, Offset: Line.NegatedSumFactor };

    /// <summary>Where a block of activations has what a dot of a group begins with if bytes are raised.</summary>
    internal static int NegatedSumAt(int groups, int group) => groups == 1 ? Line.NegatedSumAt : Line.NegatedHalfSumsAt + (4 * group);

    internal int LineAt(int line, int panel) => ((line * TileCode.Panels) + panel) * PanelFormat.LineBytes;

    public override string ToString() => $"{(Groups == 1 ? 32 : 16)}{(HasMinimum ? " min" : "")}{(Raised ? " raised" : "")}{(Packed ? " packed" : "")}";
}

/// <summary>What <see cref="StripCode"/> is called with.</summary>
unsafe struct StripArguments
{
    internal const int WeightsAt = 0;
    internal const int StripAt = 8;
    internal const int UnitsAt = 16;

    /// <summary>The first unit of the panel.</summary>
    internal byte* Weights;

    /// <summary>The panel's first line in the strip.</summary>
    internal byte* Strip;

    /// <summary>How many units, at least one.</summary>
    internal long Units;
}

/// <summary>Takes units of one panel apart into every second line of a strip.</summary>
static unsafe class StripCode
{
    internal static MachineCode Get(CodeLibrary library, PanelFormat format, StripShape shape) =>
        library.Get($"{format.Format} to strip {shape}", assembler => Write(assembler, format, shape));

    static void Write(Assembler a, PanelFormat format, StripShape shape)
    {
        a.mov(rsi, __qword_ptr[rdi + StripArguments.WeightsAt]);
        a.mov(rdx, __qword_ptr[rdi + StripArguments.StripAt]);
        a.mov(rcx, __qword_ptr[rdi + StripArguments.UnitsAt]);
        CodeWriter codes = new(a, format, firstTemporary: 1, constants: 28);
        codes.LoadConstants();
        int raise = (shape.Raised ? Line.NegatedSumFactor : 0) - format.Offset;
        if (raise != 0)
        {
            a.mov(eax, (byte)raise * 0x01010101u);
            a.vpbroadcastd(zmm0, eax);
        }

        Label unit = a.CreateLabel();
        a.Label(ref unit);
        codes.OpenUnit();
        for (int block = 0; block < format.UnitBlocks; block++)
        {
            AssemblerMemoryOperand At(int line) => __zmmword_ptr[rdx + ((block * shape.BlockBytes) + shape.LineAt(line, 0))];
            for (int group = 0; group < format.BlockGroups; group++)
            {
                (AssemblerRegisterZMM scale, AssemblerRegisterZMM? minimum) = codes.Scale((block * format.BlockGroups) + group);
                a.vmovups(At(group), scale);
                if (minimum is { } m)
                {
                    a.vmovups(At(format.BlockGroups + group), m);
                }
            }

            codes.Quads(block, null, (quad, register) =>
            {
                if (raise != 0)
                {
                    a.vpaddb(register, register, zmm0);
                }

                a.vmovups(At(shape.FirstCodes + quad), register);
            });
        }

        a.add(rsi, format.UnitBytes);
        a.add(rdx, format.UnitBlocks * shape.BlockBytes);
        a.dec(rcx);
        a.jnz(unit);
        a.vzeroupper();
        a.ret();
    }
}
