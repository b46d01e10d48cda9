using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>The float32 masters of everything that is trained, and their gradients; what a graph calls rows of a weight are rows of its master.</summary>
sealed class TrainingMemory
{
    readonly Dictionary<string, TrainedParameter> _parameters = new(StringComparer.Ordinal);
    readonly List<TrainedParameter> _order = [];

    internal TrainingMemory(TrainingGraph graph, IWeights weights, LoraOptions? lora)
    {
        foreach (GraphParameter parameter in graph.Parameters)
        {
            string name = NameOf(parameter);
            if (_parameters.ContainsKey(name))
            {
                continue;
            }

            Tensor master = lora is null ? Master(weights.Get(name)) : Adapter(parameter, lora, _order.Count);
            TrainedParameter trained = new(name, master, Tensor.Allocate(TensorFormat.F32, [.. master.Shape.Dims]));
            _parameters.Add(name, trained);
            _order.Add(trained);
        }
    }

    /// <summary>All of it, in the order of first use.</summary>
    internal IReadOnlyList<TrainedParameter> Parameters => _order;

    /// <summary>Binds the states of a graph over the same parameters.</summary>
    internal void Bind(Execution execution, TrainingGraph graph)
    {
        foreach (GraphParameter parameter in graph.Parameters)
        {
            TrainedParameter trained = _parameters[NameOf(parameter)];
            execution.Bind(parameter.Weight, Part(parameter, trained.Weight));
            if (parameter.Gradient is { } gradient)
            {
                execution.Bind(gradient, Part(parameter, trained.Gradient));
            }
        }
    }

    static string NameOf(GraphParameter parameter) => WeightName.Of(parameter.Name).Whole;

    static Tensor Part(GraphParameter parameter, Tensor whole) =>
        WeightName.Of(parameter.Name) is { Count: > 0 } rows ? whole.Rows(rows.Start, rows.Count) : whole;

    static Tensor Master(Tensor weight) => Tensor.Of(weight.ToFloats(), [.. weight.Shape.Dims]);

    /// <summary>A is normal with variance 1 / in, B zero: at first the adapter adds nothing.</summary>
    static Tensor Adapter(GraphParameter parameter, LoraOptions lora, int index)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, [.. parameter.Weight.Type.Shape.Dims]);
        if (parameter.Name.EndsWith(".lora_a", StringComparison.Ordinal))
        {
            Random random = new(unchecked((lora.Seed * 1_000_003) + index));
            double deviation = 1 / Math.Sqrt(tensor.Shape.Last.Size);
            foreach (ref float value in tensor.View.Floats)
            {
                double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
                value = (float)(deviation * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
            }

            GC.KeepAlive(tensor);
        }

        return tensor;
    }
}
