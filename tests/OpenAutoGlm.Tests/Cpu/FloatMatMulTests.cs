using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
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
                foreach ((int m, int n, int k) in ((int, int, int)[])[(1, 1, 1), (1, 17, 16), (2, 16, 33), (5, 31, 47), (9, 5, 128), (33, 18, 19), (20, 300, 450)])
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

    [Theory]
    [InlineData(1, 300, 448)]
    [InlineData(3, 70, 32)]
    [InlineData(16, 17, 64)]
    [InlineData(17, 33, 544)]
    [InlineData(33, 150, 288)]
    [InlineData(70, 40, 1056)]
    public void Bfloat16_has_the_bits_of_its_order_whoever_multiplies(int m, int n, int k)
    {
        Tensor x = KernelRun.Random(1, 1, m, k);
        Tensor w = KernelRun.RandomWeights(2, TensorFormat.BF16, n, k);
        foreach (PairOrder order in Enum.GetValues<PairOrder>())
        {
            using CodeLibrary none = new(EmittedFeatures.None) { Order = order };
            Tensor twin = KernelRun.Of(InstructionSet.Scalar, none, 1, exact: false, new MatMul(), x, w)[0];
            KernelRun.AssertClose(KernelRun.Reference(new MatMul(), x, w)[0], twin, 4e-3 * Math.Sqrt(k));
            foreach (InstructionSet set in InstructionSets.Available)
            {
                KernelRun.AssertSameBits(twin, KernelRun.Of(set, none, 2, exact: false, new MatMul(), x, w)[0], $"{order} {set}");
            }

            using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best)) { Order = order };
            KernelRun.AssertSameBits(twin, KernelRun.Of(InstructionSets.Best, code, 2, exact: false, new MatMul(), x, w)[0], $"{order} emitted");
            foreach (int row in (int[])[0, m - 1])
            {
                KernelRun.AssertSameBits(twin.Rows(row, 1), KernelRun.Of(InstructionSets.Best, code, 1, exact: false, new MatMul(), x.Rows(row, 1), w)[0], $"{order} emitted, row {row} alone");
            }
        }
    }

    [Theory]
    [InlineData(1, 300, 450)]
    [InlineData(3, 70, 33)]
    [InlineData(20, 300, 450)]
    public void Bfloat16_has_the_same_bits_by_its_own_instruction_and_by_multiply_adds(int m, int n, int k)
    {
        Tensor x = KernelRun.Random(1, 1, m, k);
        Tensor w = KernelRun.RandomWeights(2, TensorFormat.BF16, n, k);
        Tensor twin = KernelRun.Of(InstructionSet.Scalar, new MatMul(), x, w)[0];
        foreach (bool faster in (bool[])[false, true])
        {
            using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best)) { Order = PairOrder.Pairs, PairsAreFaster = faster };
            KernelRun.AssertSameBits(twin, KernelRun.Of(InstructionSets.Best, code, threads: 2, exact: false, new MatMul(), x, w)[0], $"vdpbf16ps: {faster}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public unsafe void Activations_in_bfloat16_are_the_nearest_and_never_lose_a_NaN(bool widened)
    {
        float[] values = [1, 1.00390625f, 1.01171875f, -1.00390637f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, BitConverter.UInt32BitsToSingle(0x7F800001), float.NaN, 0, -0f, 3e-40f, 1e-38f, 5, -7, 9, 11];
        uint[] nearest = [0x3F80, 0x3F80, 0x3F82, 0xBF81, 0x7F80, 0x7F80, 0xFF80, 0x7FC0, 0xFFC0, 0, 0x8000, 0x0003, 0x006D, 0x40A0, 0xC0E0, 0x4110, 0x4130, 0];
        Check<LanesScalar>();
        if (InstructionSets.Available.Contains(InstructionSet.Vector128))
        {
            Check<Lanes128>();
        }

        if (InstructionSets.Available.Contains(InstructionSet.Avx2))
        {
            Check<Lanes256>();
        }

        if (InstructionSets.Available.Contains(InstructionSet.Avx512))
        {
            Check<Lanes512>();
        }

        void Check<T>()
            where T : struct, ILanes<T>
        {
            PairActivations<T> activations = new(values.Length, widened);
            Tensor row = GuardedMemory.Allocate(TensorFormat.F32, values.Length);
            values.CopyTo(row.View.Floats);
            using NativeMemoryOwner memory = new(activations.Bytes(1));
            activations.Load((float*)row.Data, 0, memory.Pointer);
            uint[] expected = [.. nearest.Chunk(2).SelectMany(pair => widened ? new[] { pair[1] << 16, pair[0] << 16 } : [pair[0] | (pair[1] << 16)])];
            Assert.Equal(expected, new ReadOnlySpan<uint>(memory.Pointer, expected.Length).ToArray());
            GC.KeepAlive(row);
        }
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
