using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public class FloatMatMulTests
{
    public static TheoryData<TensorFormat, int, int, int> Shapes
    {
        get
        {
            TheoryData<TensorFormat, int, int, int> shapes = [];
            foreach (TensorFormat format in (TensorFormat[])[TensorFormat.F32, TensorFormat.F16, TensorFormat.BF16])
            {
                foreach ((int m, int n, int k) in ((int, int, int)[])[(1, 1, 1), (1, 17, 16), (2, 16, 33), (5, 31, 47), (9, 5, 128), (33, 18, 19)])
                {
                    shapes.Add(format, m, n, k);
                }
            }

            return shapes;
        }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Every_instruction_set_agrees_with_the_reference_and_bit_for_bit_with_the_others(TensorFormat format, int m, int n, int k)
    {
        Tensor x = KernelRun.Random(1, 1, m, k);
        Tensor w = KernelRun.RandomWeights(2, format, n, k);
        Tensor reference = KernelRun.Reference(new MatMul(), x, w)[0];
        Tensor twin = KernelRun.Of(InstructionSet.Scalar, new MatMul(), x, w)[0];

        // BF16 weights meet activations rounded to BF16, which has 8 bits.
        KernelRun.AssertClose(reference, twin, format == TensorFormat.BF16 ? 4e-3 * Math.Sqrt(k) : 2e-6 * k);
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(twin, KernelRun.Of(set, threads: 2, exact: false, new MatMul(), x, w)[0], $"{set}");
            KernelRun.AssertSameBits(twin.Rows(m - 1, 1), KernelRun.Of(set, new MatMul(), x.Rows(m - 1, 1), w)[0], $"{set}, last row alone");
        }

        KernelRun.AssertSameBits(twin, KernelRun.Of(InstructionSets.Best, code, threads: 2, exact: false, new MatMul(), x, w)[0], "emitted");
    }

    [Fact]
    public void The_order_of_summation_is_the_one_that_is_written_down()
    {
        Tensor x = KernelRun.Random(3, 1, 1, 37);
        Tensor w = KernelRun.Random(4, 1, 1, 37);
        float sum = 0;
        for (int i = 0; i < 37; i++)
        {
            sum = MathF.FusedMultiplyAdd(w.View.Floats[i], x.View.Floats[i], sum);
        }

        Assert.Equal(sum, KernelRun.Of(InstructionSets.Best, new MatMul(), x, w)[0].View.Floats[0]);
    }
}
