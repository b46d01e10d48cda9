using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// One row of activations against packed panels where a processor has enough registers and adds up quads by itself, as Arm does: weights come from memory, are
/// taken apart in registers, used and forgotten. What <see cref="OneRow{TShape}"/> is with 256-bit registers, with the bits of <see cref="QuantizedProduct{T, TShape}"/>.
/// </summary>
static unsafe class LaneRow<T, TShape>
    where T : struct, ILanes<T>
    where TShape : struct, IProductShape
{
    static int ScaleBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TShape.HasMinimum ? 2 : 1) * TShape.Groups * PanelFormat.LineBytes;
    }

    /// <summary>
    /// The function for a format, called as those of <see cref="OneRow{TShape}"/> are; null where codes lie in two lines, whose taking apart wants more registers than there are.
    /// </summary>
    internal static delegate*<PanelFormat, byte*, int, byte*, float*, byte*, void> Of(PanelFormat format) => format.Bits switch
    {
        CodeBits.Eight => PanelReader<T>.IsSigned(format, CodeForm.SignedBytes) ? &Multiply<EightSignedCodes<T>> : &Multiply<EightCodes<T>>,
        CodeBits.Four => &Multiply<FourCodes<T>>,
        CodeBits.FourByTable => &Multiply<FourCodesByTable<T>>,
        CodeBits.Two => &Multiply<TwoCodes<T>>,
        _ => null,
    };

    static void Multiply<TCodes>(PanelFormat format, byte* unit, int units, byte* x, float* sums, byte* scratch)
        where TCodes : struct, IPanelCodes<T>
    {
        T table = format.Bits == CodeBits.FourByTable ? PanelReader<T>.Table(format, PanelReader<T>.IsSigned(format, CodeForm.SignedBytes)) : T.Zero;
        Units<TCodes>(format.Scales, unit, units, format.UnitBytes, format.UnitBlocks, format.CodesAt, format.BlockLines * PanelFormat.LineBytes, x, sums, scratch, table);
    }

    [MethodImpl(Jit.Loop)]
    static void Units<TCodes>(ScaleKind kind, byte* unit, int units, int unitBytes, int blocks, int codesAt, int blockBytes, byte* x, float* sums, byte* scratch, T table)
        where TCodes : struct, IPanelCodes<T>
    {
        T sum = T.Load(sums);
        for (; units > 0; units--, unit += unitBytes)
        {
            PanelReader<T>.Scales(kind, unit, blocks, TShape.Groups, ScaleBytes, scratch);
            byte* scales = scratch;
            byte* lines = unit + codesAt;
            for (int block = 0; block < blocks; block++, lines += blockBytes, x += RoundedActivations<T>.LineBytes, scales += ScaleBytes)
            {
                (T lower, T upper) = (T.Zero, T.Zero);
                TCodes.Pair(lines, 0, table, out T a, out T b);
                lower = T.AddQuadProducts(lower, a, (sbyte*)x, 0);
                upper = T.AddQuadProducts(upper, b, (sbyte*)x + 16, 0);
                TCodes.Pair(lines, 1, table, out a, out b);
                lower = T.AddQuadProducts(lower, a, (sbyte*)x, 1);
                upper = T.AddQuadProducts(upper, b, (sbyte*)x + 16, 1);
                TCodes.Pair(lines, 2, table, out a, out b);
                lower = T.AddQuadProducts(lower, a, (sbyte*)x, 2);
                upper = T.AddQuadProducts(upper, b, (sbyte*)x + 16, 2);
                TCodes.Pair(lines, 3, table, out a, out b);
                lower = T.AddQuadProducts(lower, a, (sbyte*)x, 3);
                upper = T.AddQuadProducts(upper, b, (sbyte*)x + 16, 3);
                if (TShape.Groups == 1)
                {
                    lower = T.AddInts(lower, upper);
                }

                // Once in the code for both groups, so that all of it is inlined.
                for (int group = 0; group < TShape.Groups; group++, lower = upper)
                {
                    sum = QuantizedProduct<T, TShape>.Sum(QuantizedProduct<T, TShape>.Started(lower, x, group), scales, x, group, sum);
                }
            }
        }

        T.Store(sum, sums);
    }
}
