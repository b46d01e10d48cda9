using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>Runs one op through a plan, as a model would.</summary>
static class TinyGraphs
{
    internal static float[] Run(Op op, params ReadOnlySpan<Tensor> inputs) => RunMany(op, inputs)[0];

    internal static float[][] RunMany(Op op, params ReadOnlySpan<Tensor> inputs)
    {
        GraphBuilder builder = new("tiny");
        List<Value> values = [];
        for (int i = 0; i < inputs.Length; i++)
        {
            values.Add(builder.Weight($"input{i}", inputs[i]));
        }

        IReadOnlyList<Value> outputs = builder.ApplyMany("op", op, [.. values]);
        foreach (Value output in outputs)
        {
            builder.Output(output);
        }

        using ReferenceInterpreter interpreter = new();
        using Plan plan = interpreter.Lower(builder.Build(), new PlanLimits());
        using Execution execution = plan.CreateExecution();
        execution.Run();
        return [.. outputs.Select(output => output.Type.Format == Formats.TensorFormat.I32
            ? [.. execution[output].Ints.ToArray().Select(value => (float)value)]
            : execution[output].Floats.ToArray())];
    }
}
