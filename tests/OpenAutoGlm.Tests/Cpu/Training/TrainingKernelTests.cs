using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.Training;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Training;

/// <summary>Kernels of training against their ops' references, and bit for bit against the scalar twin, between guard pages.</summary>
public class TrainingKernelTests
{
    const double BFloat16Step = 1.0 / 256;

    public static TheoryData<int, int, int> Products =>
        new((1, 1, 1), (2, 17, 16), (5, 31, 47), (13, 48, 33), (97, 50, 19), (33, 130, 70), (200, 65, 129), (70, 450, 301), (300, 33, 300));

    [Theory, MemberData(nameof(Products))]
    public void Products_in_float32_agree(int m, int n, int k)
    {
        (Tensor x, Tensor w, Tensor dy, Tensor dw) = Random(m, n, k);
        Check(2e-6 * k, new TrainedMatMul(TrainingArithmetic.Float32), x, w);
        Check(2e-6 * n, new MatMulInputGradient(TrainingArithmetic.Float32), dy, w);
        Check(2e-6 * m, new MatMulWeightGradient(TrainingArithmetic.Float32), dw, dy, x);
    }

    [Theory, MemberData(nameof(Products))]
    public void Products_in_bfloat16_agree_to_its_eight_bits(int m, int n, int k)
    {
        (Tensor x, Tensor w, Tensor dy, Tensor dw) = Random(m, n, k);
        Check(BFloat16Step * Math.Sqrt(k), new TrainedMatMul(TrainingArithmetic.BFloat16), x, w);
        Check(BFloat16Step * Math.Sqrt(n), new MatMulInputGradient(TrainingArithmetic.BFloat16), dy, w);
        Check(BFloat16Step * Math.Sqrt(m), new MatMulWeightGradient(TrainingArithmetic.BFloat16), dw, dy, x);
    }

    [Theory, MemberData(nameof(Products))]
    public void Pairs_and_widened_elements_give_the_same_bits(int m, int n, int k)
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        Assert.SkipUnless(code.Has(EmittedFeatures.BFloat16), "This processor has no vdpbf16ps.");
        (Tensor x, Tensor w, Tensor dy, Tensor dw) = Random(m, n, k);
        using WorkerPool pool = new(1);
        Tensor[][] results = [.. new[] { LineForm.Pairs, LineForm.Rounded }.Select(Run)];
        Same(results[0], results[1], $"{m} × {n} × {k}");
        GC.KeepAlive((x, w, dy, dw));

        Tensor[] Run(LineForm form)
        {
            ProductTiles<Lanes512> tiles = new(code, form);
            Tensor[] outputs = [GuardedMemory.Allocate(TensorFormat.F32, m, n), GuardedMemory.Allocate(TensorFormat.F32, m, k), GuardedMemory.Allocate(TensorFormat.F32, n, k)];
            dw.View.Floats.CopyTo(outputs[2].View.Floats);
            using (TrainedMatMulKernel<Lanes512> forward = new("forward", ProductForm.Forward, pool, tiles, new Scratch(), n, k))
            {
                forward.Run([x.View, w.View], [outputs[0].View]);
            }

            using (TrainedMatMulKernel<Lanes512> back = new("back", ProductForm.InputGradient, pool, tiles, new Scratch(), n, k))
            {
                back.Run([dy.View, w.View], [outputs[1].View]);
            }

            using WeightGradientKernel<Lanes512> weight = new("weight", pool, tiles, new Scratch(), n, k);
            weight.Run([outputs[2].View, dy.View, x.View], [outputs[2].View]);
            return outputs;
        }
    }

    [Theory]
    [InlineData(TensorFormat.Q8_0)]
    [InlineData(TensorFormat.BF16)]
    [InlineData(TensorFormat.Q4_0)]
    public void Frozen_weights_are_read_in_their_own_format(TensorFormat format)
    {
        Tensor w = KernelRun.RandomWeights(1, format, 37, 64);
        Tensor x = KernelRun.Random(2, 1, 9, 64);
        Tensor dy = KernelRun.Random(3, 1, 9, 37);
        Check(2e-4, new TrainedMatMul(TrainingArithmetic.Float32), x, w);
        Check(2e-4, new MatMulInputGradient(TrainingArithmetic.Float32), dy, w);
        Check(BFloat16Step * 8, new TrainedMatMul(TrainingArithmetic.BFloat16), x, w);
        Check(BFloat16Step * 8, new MatMulInputGradient(TrainingArithmetic.BFloat16), dy, w);
    }

    [Theory]
    [InlineData(7, 4, 2, 4, 0)]
    [InlineData(130, 2, 1, 16, 0)]
    [InlineData(130, 4, 2, 24, 9)]
    [InlineData(200, 3, 3, 64, 70)]
    [InlineData(65, 2, 2, 8, 1)]
    public void Attention_and_its_gradient_agree(int tokens, int heads, int kvHeads, int headDim, int window)
    {
        Tensor q = KernelRun.Random(1, 1, tokens, heads, headDim);
        Tensor k = KernelRun.Random(2, 1, tokens, kvHeads, headDim);
        Tensor v = KernelRun.Random(3, 1, tokens, kvHeads, headDim);
        Tensor dy = KernelRun.Random(4, 1, tokens, heads, headDim);
        int[] starts = new int[tokens];
        for (int i = 1; i < tokens; i++)
        {
            starts[i] = i is 3 or 50 or 51 or 129 ? i : starts[i - 1];
        }

        Tensor begins = KernelRun.Ints(starts, tokens);
        float scale = 1.5f / MathF.Sqrt(headDim);
        Check(1e-5, new CausalAttention(scale, window), q, k, v, begins);
        Tensor[] forward = KernelRun.Reference(new CausalAttention(scale, window), q, k, v, begins);
        Check(5e-5, new CausalAttentionGradient(scale, window), q, k, v, begins, forward[0], forward[1], dy);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(33)]
    [InlineData(129)]
    public void Gradients_of_rows_agree(int n)
    {
        Tensor x = KernelRun.Random(1, 2, 300, n);
        Tensor w = KernelRun.Random(2, 1, n);
        Tensor dy = KernelRun.Random(3, 1, 300, n);
        Tensor dw = KernelRun.Random(4, 1, n);
        Check(1e-5, new RmsNormInputGradient(1e-3f), x, w, dy);
        Check(2e-4, new RmsNormWeightGradient(1e-3f), dw, x, dy);
        Check(2e-4, new BiasGradient(), dw, dy);
        foreach (Activation function in Enum.GetValues<Activation>())
        {
            Check(2e-6, new ActivateGradient(function), x, dy);
        }

        Check(0, new AddGradient(), x, dy);
        Check(0, new Zeros(), x);
        Check(0, new PadColumns(3, n + 5), x);
        Check(1e-5, new LayerNormInputGradient(1e-3f), x, w, dy);
        Check(2e-4, new LayerNormWeightGradient(1e-3f), dw, x, dy);
        Check(1e-5, new SoftmaxGradient(), KernelRun.Reference(new Softmax(), x)[0], dy);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(50)]
    [InlineData(1000)]
    public void Losses_and_their_gradients_agree(int vocab)
    {
        Tensor logits = KernelRun.Random(1, 6, 9, vocab);
        Tensor teacher = KernelRun.Random(2, 6, 9, vocab);
        Tensor targets = KernelRun.Ints([.. Enumerable.Range(0, 9).Select(i => i * 7 % vocab)], 9);
        Tensor factors = KernelRun.Random(3, 1, 9);
        Check(2e-6, new CrossEntropy(), logits, targets);
        Tensor logSums = KernelRun.Reference(new CrossEntropy(), logits, targets)[1];
        Check(2e-6, new CrossEntropyGradient(), logits, logSums, targets, factors);
        Check(1e-5, new Distillation(2), logits, teacher);
        Tensor both = KernelRun.Reference(new Distillation(2), logits, teacher)[1];
        Check(2e-6, new DistillationGradient(2), logits, teacher, both, factors);
    }

    [Theory]
    [InlineData(ProjectionGradients.None)]
    [InlineData(ProjectionGradients.Rows)]
    [InlineData(ProjectionGradients.RowsAndWeight)]
    public void Projection_and_loss_agree_some_rows_at_a_time(ProjectionGradients gradients)
    {
        Tensor x = KernelRun.Random(1, 1, 11, 20);
        Tensor w = KernelRun.Random(2, 1, 37, 20);
        Tensor targets = KernelRun.Ints([.. Enumerable.Range(0, 11).Select(i => i * 5 % 37)], 11);
        Tensor factors = KernelRun.Random(3, 1, 11);
        ProjectedCrossEntropy op = new(TrainingArithmetic.Float32, 4, gradients);
        Check(1e-5, op, gradients switch
        {
            ProjectionGradients.None => [x, w, targets],
            ProjectionGradients.Rows => [x, w, targets, factors],
            _ => [x, w, targets, factors, KernelRun.Random(4, 1, 37, 20)],
        });
    }

    [Fact]
    public void Rounding_agrees()
    {
        Tensor w = KernelRun.Random(1, 1, 70, 64);
        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.BF16, TensorFormat.Q8_0, TensorFormat.Q4_0])
        {
            Check(0, new FakeQuantize(format), w);
        }
    }

    [Fact]
    public void Rows_are_added_where_their_ids_say_in_order()
    {
        Tensor table = KernelRun.Random(1, 1, 5, 70);
        Tensor dy = KernelRun.Random(2, 1, 40, 70);
        Check(0, new ScatterAddRows(), table, KernelRun.Ints([.. Enumerable.Range(0, 40).Select(i => i * i % 5)], 40), dy);
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            KernelRun.Of(InstructionSets.Best, new ScatterAddRows(), table, KernelRun.Ints([5], 1), KernelRun.Random(2, 1, 1, 70)));
    }

    [Fact]
    public void What_is_not_finite_stays_so_in_bfloat16()
    {
        Tensor x = KernelRun.Random(1, 1, 20, 40);
        (x.View.Row(3)[5], x.View.Row(7)[39], x.View.Row(9)[0]) = (float.NaN, float.PositiveInfinity, BitConverter.Int32BitsToSingle(0x7FFFFFFF));
        Tensor y = KernelRun.Of(InstructionSets.Best, new TrainedMatMul(TrainingArithmetic.BFloat16), x, KernelRun.Random(2, 1, 33, 40))[0];
        for (int row = 0; row < 20; row++)
        {
            Assert.Equal(row is not (3 or 7 or 9), float.IsFinite(y.View.Row(row)[32]));
        }
    }

    /// <summary>Against the reference within the tolerance; then every set, four threads, and emitted code against the scalar twin.</summary>
    static void Check(double tolerance, Op op, params Tensor[] inputs)
    {
        Tensor[] reference = KernelRun.Reference(op, Copies(op, inputs));
        Tensor[] twin = KernelRun.Of(InstructionSet.Scalar, op, Copies(op, inputs));
        for (int i = 0; i < reference.Length; i++)
        {
            KernelRun.AssertClose(reference[i], twin[i], tolerance, $"{op} output {i}");
        }

        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Same(twin, KernelRun.Of(set, op, Copies(op, inputs)), $"{op} {set}");
        }

        Same(twin, KernelRun.Of(InstructionSets.Best, CodeLibrary.Empty, 4, false, op, Copies(op, inputs)), $"{op} on four threads");
        Same(twin, KernelRun.Of(InstructionSets.Best, code, 2, false, op, Copies(op, inputs)), $"{op} emitted");
        GC.KeepAlive(inputs);
    }

    static void Same(Tensor[] expected, Tensor[] actual, string what)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            KernelRun.AssertSameBits(expected[i], actual[i], $"{what} output {i}");
        }
    }

    /// <summary>What is updated in place is copied, so that each run begins with the same.</summary>
    static Tensor[] Copies(Op op, Tensor[] inputs)
    {
        Tensor[] copies = [.. inputs];
        int? updated = op.Alias ?? (op is ProjectedCrossEntropy { Gradients: ProjectionGradients.RowsAndWeight } ? op.AliasOf(2) : null);
        if (updated is { } alias)
        {
            copies[alias] = GuardedMemory.Allocate(TensorFormat.F32, [.. inputs[alias].Shape.Dims]);
            inputs[alias].View.Floats.CopyTo(copies[alias].View.Floats);
        }

        return copies;
    }

    static (Tensor X, Tensor W, Tensor Dy, Tensor Dw) Random(int m, int n, int k) =>
        (KernelRun.Random(1, 1, m, k), KernelRun.Random(2, 1, n, k), KernelRun.Random(3, 1, m, n), KernelRun.Random(4, 1, n, k));
}
