using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

/// <summary>Runs one op on tensors between guard pages, by a kernel of any instruction set or by its reference.</summary>
static unsafe class KernelRun
{
    public static TheoryData<InstructionSet> Sets => [.. InstructionSets.Available];

    /// <summary>The outputs of the kernel that the catalog picks.</summary>
    public static Tensor[] Of(InstructionSet set, Op op, params ReadOnlySpan<Tensor> inputs) => Of(set, threads: 1, exact: false, op, inputs);

    public static Tensor[] Of(InstructionSet set, int threads, bool exact, Op op, params ReadOnlySpan<Tensor> inputs) =>
        Of(set, CodeLibrary.Empty, threads, exact, op, inputs);

    /// <summary>With the functions that the library may emit.</summary>
    public static Tensor[] Of(InstructionSet set, CodeLibrary code, int threads, bool exact, Op op, params ReadOnlySpan<Tensor> inputs)
    {
        using WorkerPool pool = new(threads);
        Node node = NodeOf(op, inputs);
        using WeightStore packed = new();
        using Kernel kernel = KernelCatalog.For(set, pool, code, exact).Pick(node, new PlanScope(new PlanLimits(), packed, [node]));
        return Run(kernel, node, inputs);
    }

    /// <summary>The outputs of the op's scalar reference.</summary>
    public static Tensor[] Reference(Op op, params ReadOnlySpan<Tensor> inputs) => Run(new ReferenceKernel(op), NodeOf(op, inputs), inputs);

    public static Tensor Random(int seed, float scale, params ReadOnlySpan<Dim> dims)
    {
        Random random = new(seed);
        Tensor tensor = GuardedMemory.Allocate(TensorFormat.F32, dims);
        foreach (ref float value in tensor.View.Floats)
        {
            value = scale * (float)((random.NextDouble() * 2) - 1);
        }

        return tensor;
    }

    public static Tensor Ints(ReadOnlySpan<int> values, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = GuardedMemory.Allocate(TensorFormat.I32, dims);
        values.CopyTo(tensor.View.Ints);
        return tensor;
    }

    /// <summary>Random weights: all bytes random, but for scales, which are finite and about 2⁻⁷ in size.</summary>
    public static Tensor RandomWeights(int seed, TensorFormat format, params ReadOnlySpan<Dim> dims)
    {
        if (format == TensorFormat.F32)
        {
            return Random(seed, 1, dims);
        }

        Tensor tensor = GuardedMemory.Allocate(format, dims);
        Span<byte> bytes = new(tensor.Data, checked((int)tensor.Bytes));
        new Random(seed).NextBytes(bytes);
        int block = BlockFormat.Of(format).BlockBytes;
        int[] highBytes = format switch
        {
            TensorFormat.F16 or TensorFormat.BF16 or TensorFormat.Q8_0 or TensorFormat.Q4_0 or TensorFormat.Q5_0 or TensorFormat.IQ4_NL or TensorFormat.IQ4_XS => [1],
            TensorFormat.Q4_1 or TensorFormat.Q5_1 or TensorFormat.Q4_K or TensorFormat.Q5_K => [1, 3],
            TensorFormat.Q6_K => [209],
            TensorFormat.Q3_K => [109],
            TensorFormat.Q2_K => [81, 83],
            TensorFormat.MXFP4 => [0],
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "No weights of this format."),
        };
        for (int at = 0; at < bytes.Length; at += block)
        {
            foreach (int high in highBytes)
            {
                ref byte value = ref bytes[at + high];
                value = format switch
                {
                    TensorFormat.MXFP4 => (byte)(120 + (value % 8)),
                    TensorFormat.BF16 => (byte)(0x3C | (value & 0x83)),
                    _ => (byte)(0x20 | (value & 0x83)),
                };
            }
        }

        return tensor;
    }

    public static void AssertClose(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        float[] a = expected.ToFloats();
        float[] b = actual.ToFloats();
        for (int i = 0; i < a.Length; i++)
        {
            double difference = Math.Abs((double)a[i] - b[i]);
            Assert.True(difference <= tolerance * Math.Max(1, Math.Abs(a[i])), $"{what} element {i}: expected {a[i]:R}, got {b[i]:R}");
        }
    }

    public static void AssertSameBits(Tensor expected, Tensor actual, string what = "")
    {
        AssertSameBits(new ReadOnlySpan<byte>(expected.Data, (int)expected.Bytes), new ReadOnlySpan<byte>(actual.Data, (int)actual.Bytes), what);
        GC.KeepAlive(expected);
        GC.KeepAlive(actual);
    }

    public static void AssertSameBits(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        int at = expected.CommonPrefixLength(actual);
        Assert.True(at == expected.Length && at == actual.Length, $"{what} differs from byte {at} of {expected.Length} on");
    }

    static Node NodeOf(Op op, ReadOnlySpan<Tensor> inputs)
    {
        GraphBuilder builder = new("kernel");
        Value[] values = new Value[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            values[i] = builder.Input($"input.{i}", inputs[i].Type);
        }

        foreach (Value output in builder.ApplyMany("y", op, values))
        {
            builder.Output(output);
        }

        return builder.Build().Nodes[0];
    }

    static Tensor[] Run(Kernel kernel, Node node, ReadOnlySpan<Tensor> inputs)
    {
        TensorView[] views = new TensorView[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            views[i] = inputs[i].View;
        }

        Tensor[] outputs = [.. node.Outputs.Select(output => GuardedMemory.Allocate(output.Type.Format, [.. output.Type.Shape.Dims]))];
        for (int i = 0; i < outputs.Length; i++)
        {
            if (node.Op.AliasOf(i) is { } alias)
            {
                outputs[i] = node.Op.Launches ? inputs[alias] : inputs[alias].Reshape([.. node.Outputs[i].Type.Shape.Dims]);
            }
        }

        kernel.Run(views, [.. outputs.Select(output => output.View)]);

        // Views do not hold memory: without this a collection in the middle of the run unmaps inputs that the test is done with.
        foreach (Tensor input in inputs)
        {
            GC.KeepAlive(input);
        }

        return outputs;
    }
}
