using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

/// <summary>Ops that treat elements or rows by themselves: against the op's reference, and bit for bit against the scalar twin.</summary>
public class RowKernelTests
{
    static readonly int[] Lengths = [1, 7, 16, 31, 64, 129];

    public static TheoryData<int> RowLengths => [.. Lengths];

    [Theory, MemberData(nameof(RowLengths))]
    public void Elementwise_ops_agree(int n)
    {
        Tensor a = KernelRun.Random(1, 4, 3, n);
        Tensor b = KernelRun.Random(2, 4, 3, n);
        Tensor row = KernelRun.Random(3, 4, n);
        Check(0, new Add(), a, b);
        Check(0, new Add(), a, row);
        Check(0, new Multiply(), a, b);
        Check(0, new Multiply(), a, row);
        Check(0, new Scale(0.37f), a);
        Check(0, new Activate(Activation.Relu), a);
        Check(1e-6, new Activate(Activation.Silu), a);
        Check(1e-6, new Activate(Activation.Sigmoid), a);
        Check(1e-6, new Activate(Activation.GeluTanh), a);
        Check(1e-6, new Activate(Activation.GeluErf), a);
    }

    [Theory, MemberData(nameof(RowLengths))]
    public void Norms_and_softmax_agree(int n)
    {
        Tensor x = KernelRun.Random(4, 5, 5, n);
        Tensor weight = KernelRun.Random(5, 1, n);
        Tensor bias = KernelRun.Random(6, 1, n);
        Check(2e-6, new RmsNorm(1e-5f), x, weight);
        Check(n == 1 ? 1e-3 : 5e-6, new LayerNorm(1e-5f), x, weight, bias);
        Check(1e-6, new Softmax(), x);
    }

    [Fact]
    public void Long_rows_and_many_rows_are_shared_out_among_threads()
    {
        Tensor x = KernelRun.Random(7, 5, 301, 97);
        Tensor weight = KernelRun.Random(8, 1, 97);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(KernelRun.Of(set, new RmsNorm(1e-6f), x, weight)[0], KernelRun.Of(set, 4, false, new RmsNorm(1e-6f), x, weight)[0]);
            KernelRun.AssertSameBits(KernelRun.Of(set, new Add(), x, weight)[0], KernelRun.Of(set, 4, false, new Add(), x, weight)[0]);
            KernelRun.AssertSameBits(KernelRun.Of(set, new Multiply(), x, x)[0], KernelRun.Of(set, 4, false, new Multiply(), x, x)[0]);
        }
    }

    [Theory]
    [InlineData(RopePairing.Interleaved, 64, 64, false)]
    [InlineData(RopePairing.Interleaved, 6, 11, true)]
    [InlineData(RopePairing.Half, 64, 80, true)]
    [InlineData(RopePairing.Half, 12, 12, false)]
    public void Rope_agrees_even_at_position_100000(RopePairing pairing, int dims, int headDim, bool factors)
    {
        Rope op = new(pairing, dims, 10000);
        Tensor x = KernelRun.Random(9, 2, 5, 3, headDim);
        Tensor positions = KernelRun.Ints([0, 1, 4097, 100_000, 131_071], 5);
        Tensor divisors = KernelRun.Random(10, 0.25f, dims / 2);
        foreach (ref float divisor in divisors.View.Floats)
        {
            divisor += 1;
        }

        Tensor[] inputs = factors ? [x, positions, divisors] : [x, positions];
        Check(4e-7, op, inputs);
    }

    [Fact]
    public void Columns_and_rows_are_copied()
    {
        Check(0, new Columns(3, 5), KernelRun.Random(11, 1, 4, 9));
        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.F32, TensorFormat.F16, TensorFormat.Q4_K, TensorFormat.Q8_0])
        {
            Check(0, new GatherRows(), KernelRun.RandomWeights(12, format, 5, 256), KernelRun.Ints([4, 0, 4, 2], 4));
        }

        Tensor table = KernelRun.Random(13, 1, 5, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, new GatherRows(), table, KernelRun.Ints([5], 1)));
    }

    internal static void Check(double tolerance, Op op, params Tensor[] inputs)
    {
        Tensor[] reference = KernelRun.Reference(op, inputs);
        Tensor[] twin = KernelRun.Of(InstructionSet.Scalar, op, inputs);
        for (int i = 0; i < reference.Length; i++)
        {
            KernelRun.AssertClose(reference[i], twin[i], tolerance, $"{op}");
        }

        foreach (InstructionSet set in InstructionSets.Available)
        {
            Tensor[] outputs = KernelRun.Of(set, op, inputs);
            for (int i = 0; i < reference.Length; i++)
            {
                KernelRun.AssertSameBits(twin[i], outputs[i], $"{op} {set}");
            }
        }
    }
}
