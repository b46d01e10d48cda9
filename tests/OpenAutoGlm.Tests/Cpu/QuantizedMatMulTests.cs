using OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public unsafe class QuantizedMatMulTests
{
    static readonly TensorFormat[] Quantized = [.. Enum.GetValues<TensorFormat>().Where(format => BlockFormat.Of(format) is QuantizedFormat)];

    public static TheoryData<TensorFormat> Formats => [.. Quantized];

    [Theory, MemberData(nameof(Formats))]
    public void Every_instruction_set_and_row_count_gives_the_bits_of_the_definition(TensorFormat format)
    {
        // 19 weight rows leave a remainder of a panel, 800 (or 768) elements one of a strip, 7 rows one of a tile.
        (int m, int n) = (7, 19);
        int k = BlockFormat.Of(format).BlockElements == 32 ? 800 : 768;
        Tensor x = KernelRun.Random(1, 3, m, k);
        Tensor w = KernelRun.RandomWeights(2, format, n, k);
        x.View.Row(2)[64..96].Clear();
        x.View.Row(3)[7] = -1000;
        Tensor expected = Definition(x, w);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(expected, KernelRun.Of(set, new MatMul(), x, w)[0], $"{format} {set}");
            for (int row = 0; row < m; row += 3)
            {
                Tensor alone = KernelRun.Of(set, new MatMul(), x.Rows(row, 1), w)[0];
                KernelRun.AssertSameBits(expected.Rows(row, 1), alone, $"{format} {set} row {row} alone");
            }
        }
    }

    [Fact]
    public void The_numbers_of_a_layout_are_those_of_its_format()
    {
        AssertNumbers<Q8_0Numbers>();
        AssertNumbers<Q6_KNumbers>();
        AssertNumbers<Q5_KNumbers>();
        AssertNumbers<Q5_1Numbers>();
        AssertNumbers<Q5_0Numbers>();
        AssertNumbers<Q4_KNumbers>();
        AssertNumbers<Q4_1Numbers>();
        AssertNumbers<Q4_0Numbers>();
        AssertNumbers<IQ4_NLNumbers>();
        AssertNumbers<IQ4_XSNumbers>();
        AssertNumbers<MXFP4Numbers>();
        AssertNumbers<Q3_KNumbers>();
        AssertNumbers<Q2_KNumbers>();
    }

    [Fact]
    public void A_result_does_not_depend_on_rows_in_the_batch_or_threads()
    {
        (int n, int k) = (83, 544);
        Tensor x = KernelRun.Random(3, 1, 300, k);
        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.Q8_0, TensorFormat.Q4_0, TensorFormat.Q4_1])
        {
            Tensor w = KernelRun.RandomWeights(4, format, n, k);
            Tensor all = KernelRun.Of(InstructionSets.Best, threads: 2, exact: false, new MatMul(), x, w)[0];
            foreach ((int rows, int threads) in ((int, int)[])[(1, 1), (2, 4), (3, 2), (5, 1), (8, 4), (33, 2), (257, 4)])
            {
                Tensor some = KernelRun.Of(InstructionSets.Best, threads, exact: false, new MatMul(), x.Rows(300 - rows, rows), w)[0];
                KernelRun.AssertSameBits(all.Rows(300 - rows, rows), some, $"{format}, {rows} rows, {threads} threads");
            }
        }
    }

    [Fact]
    public void Activations_that_are_not_numbers_are_not_hidden()
    {
        Tensor x = KernelRun.Random(5, 1, 2, 64);
        x.View.Row(0)[33] = float.NaN;
        x.View.Row(1)[0] = float.PositiveInfinity;
        Tensor w = KernelRun.RandomWeights(6, TensorFormat.Q4_0, 3, 64);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Assert.All(KernelRun.Of(set, new MatMul(), x, w)[0].ToFloats(), value => Assert.True(float.IsNaN(value)));
            Assert.All(KernelRun.Of(set, new MatMul(), x.Rows(1, 1), w)[0].ToFloats(), value => Assert.True(float.IsNaN(value)));
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void Exact_arithmetic_agrees_with_the_reference(TensorFormat format)
    {
        Tensor x = KernelRun.Random(7, 1, 9, 512);
        Tensor w = KernelRun.RandomWeights(8, format, 6, 512);
        Tensor expected = KernelRun.Reference(new MatMul(), x, w)[0];
        Tensor first = KernelRun.Of(InstructionSets.Best, 1, exact: true, new MatMul(), x, w)[0];
        KernelRun.AssertClose(expected, first, 1e-4, $"{format}");
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(first, KernelRun.Of(set, 2, exact: true, new MatMul(), x, w)[0], $"{format} {set}");
        }
    }

    static void AssertNumbers<TFormat>()
        where TFormat : IStagedFormat
    {
        QuantizedFormat definition = (QuantizedFormat)BlockFormat.Of(TFormat.Format);
        Assert.Equal((definition.BlockElements, definition.BlockBytes), (TFormat.BlockElements, TFormat.BlockBytes));
        Assert.Equal((definition.GroupElements, definition.HasMinimum), (TFormat.GroupElements, TFormat.HasMinimum));
        Assert.Equal((definition.LeastCode, definition.GreatestCode), ((sbyte)TFormat.LeastCode, (sbyte)TFormat.GreatestCode));
    }

    internal static Tensor Definition(Tensor x, Tensor w)
    {
        (int m, int n, int k) = (x.Shape[0].Size, w.Shape[0].Size, x.Shape.Last.Size);
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(w.Format);
        Tensor y = Tensor.Allocate(TensorFormat.F32, m, n);
        sbyte[] codes = new sbyte[k];
        float[] scales = new float[k / 32];
        for (int row = 0; row < m; row++)
        {
            ActivationBlocks.Quantize(x.View.Row(row), codes, scales);
            for (int i = 0; i < n; i++)
            {
                ReadOnlySpan<byte> weights = new(w.Data + (i * w.RowBytes), (int)w.RowBytes);
                y.View.Row(row)[i] = ActivationBlocks.Dot(format, weights, codes, scales);
            }
        }

        return y;
    }
}
