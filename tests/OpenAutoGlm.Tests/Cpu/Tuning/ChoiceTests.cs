using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Tuning;

public class ChoiceTests
{
    [Theory]
    [InlineData(TensorFormat.F32)]
    [InlineData(TensorFormat.BF16)]
    [InlineData(TensorFormat.Q8_0)]
    [InlineData(TensorFormat.Q4_0)]
    [InlineData(TensorFormat.Q4_K)]
    [InlineData(TensorFormat.Q6_K)]
    public void No_choice_changes_a_bit(TensorFormat format)
    {
        GraphBuilder builder = new("gated");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 512));
        Value gate = builder.Apply("gate", new MatMul(), x, builder.Weight("wg", Weight(format, 1, 592, 512)));
        Value up = builder.Apply("up", new MatMul(), x, builder.Weight("wu", Weight(format, 2, 592, 512)));
        Value inner = builder.Apply("inner", new Multiply(), builder.Apply("silu", new Activate(Activation.Silu), gate), up);
        builder.Output(inner);
        Value y = builder.Apply("y", new MatMul(), x, builder.Weight("wd", Weight(format, 3, 1040, 512)));
        builder.Output(y);
        ModelGraph graph = builder.Build();
        using CpuBackend backend = new(new CpuOptions { Threads = 2, PinThreads = false });
        using Plan plan = backend.Lower(graph, new PlanLimits((Dim.Tokens, 40)));
        using Execution execution = plan.CreateExecution();
        Tensor input = Tensor.Of([.. Enumerable.Range(0, 40 * 512).Select(i => MathF.Sin(i))], 40, 512);
        execution.Bind(x, input);
        ITunable[] tunables = [.. plan.Steps.Select(step => step.Kernel).OfType<ITunable>()];
        Assert.NotEmpty(tunables);
        foreach (int tokens in (int[])[1, 5, 40])
        {
            execution.SetSize(Dim.Tokens, tokens);
            execution.Run();
            float[] expected = [.. execution[inner].Floats, .. execution[y].Floats];
            foreach (int choice in (int[])[2, 4, 8, 16, 32])
            {
                Array.ForEach(tunables, tunable => tunable.Choice = choice);
                execution.Run();
                Assert.Equal(expected, (float[])[.. execution[inner].Floats, .. execution[y].Floats]);
            }
        }
    }

    static Tensor Weight(TensorFormat format, int seed, int rows, int columns)
    {
        Random random = new(seed);
        float[] values = [.. Enumerable.Range(0, rows * columns).Select(_ => (float)((random.NextDouble() * 2) - 1))];
        Tensor tensor = Tensor.Allocate(format, rows, columns);
        BlockFormat block = BlockFormat.Of(format);
        unsafe
        {
            block.Quantize(values, [], new Span<byte>(tensor.Data, (int)tensor.Bytes));
        }

        return tensor;
    }
}
