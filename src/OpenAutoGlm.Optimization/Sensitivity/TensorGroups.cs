using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Passes;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>
/// Finds the tensors of a model that can be given another format, read off its graph, so that it holds for every
/// architecture: weights of matrix products, of experts' products and of row picking. Norms, biases and routers stay
/// as they are: they are small, and a router decides which weights count at all.
/// </summary>
public static class TensorGroups
{
    static readonly string[] FusingPasses = ["merge-qkv", "merge-gate-up", "expert-gate-up"];

    /// <summary>The groups of a model, in the order in which the graph meets them.</summary>
    /// <exception cref="NotSupportedException">Nobody knows the architecture.</exception>
    public static ImmutableArray<TensorGroup> Of(ModelConfig config, IWeights weights, Grouping grouping = Grouping.Stored)
    {
        ModelGraph graph = Architecture.Build(config, weights, new GraphOptions(KvFormat: Graph.Formats.TensorFormat.F32));
        Dictionary<string, GroupTensor> tensors = new(StringComparer.Ordinal);
        List<string> order = [];
        HashSet<string> routers = new(StringComparer.Ordinal);
        foreach (Node node in graph.Nodes.Where(node => node.Op is Router))
        {
            routers.Add(graph.Nodes.First(product => product.Outputs.Contains(node.Inputs[0])).Inputs.First(input => input.Constant is not null).Name);
        }

        foreach (Node node in graph.Nodes)
        {
            TensorUse? use = node.Op switch { MatMul => TensorUse.Product, ExpertMatMul => TensorUse.Experts, GatherRows => TensorUse.Rows, _ => null };
            if (use is { } found && node.Inputs.FirstOrDefault(input => input.Constant is { Shape.Rank: > 1 }) is { } weight && !routers.Contains(weight.Name))
            {
                string name = StoredName(weight.Name);
                Tensor stored = weights.Get(name);
                if (tensors.TryGetValue(name, out GroupTensor? known))
                {
                    tensors[name] = known.Use == found ? known : known with { Use = TensorUse.RowsAndProduct };
                    continue;
                }

                order.Add(name);
                tensors.Add(name, Described(name, found, stored, config));
            }
        }

        return grouping == Grouping.Stored
            ? [.. order.Select(name => Alone(tensors[name]))]
            : Fused(graph, order, tensors);
    }

    /// <summary>The tensor that a weight of a graph is stored in: row slices of a fused projection are called name[a..b].</summary>
    public static string StoredName(string weight) => weight.IndexOf('[', StringComparison.Ordinal) is > 0 and int at ? weight[..at] : weight;

    static GroupTensor Described(string name, TensorUse use, Tensor stored, ModelConfig config)
    {
        int rank = stored.Shape.Rank;
        int matrices = rank == 3 ? stored.Shape[0].Size : 1;
        return new GroupTensor(name, use, stored.Shape[rank - 2].Size, stored.Shape[rank - 1].Size, matrices, rank == 3 ? config.Experts?.Used ?? 1 : 1);
    }

    static TensorGroup Alone(GroupTensor tensor) => new(
        Short(tensor.Name),
        [tensor],
        tensor.Use == TensorUse.RowsAndProduct ? "the embedding table is the output projection too (tied)"
            : tensor.Use == TensorUse.Experts ? "the experts of a layer are stored as one tensor"
            : tensor.Name.EndsWith("attn_qkv.weight", StringComparison.Ordinal) ? "queries, keys and values are stored as one tensor"
            : "");

    static string Short(string name) => name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;

    /// <summary>Runs the passes that merge products, and sees which weights came together.</summary>
    static ImmutableArray<TensorGroup> Fused(ModelGraph graph, List<string> order, Dictionary<string, GroupTensor> tensors)
    {
        ModelGraph merged = graph;
        foreach (IGraphPass pass in PassPipeline.All.Where(pass => FusingPasses.Contains(pass.Name)))
        {
            merged = pass.Apply(merged).Graph;
        }

        Dictionary<string, ImmutableArray<string>> together = new(StringComparer.Ordinal);
        foreach (Node node in merged.Nodes)
        {
            ImmutableArray<string> names = [.. node.Inputs.Where(input => input.Constant is { Shape.Rank: > 1 }).Select(input => StoredName(input.Name)).Where(tensors.ContainsKey).Distinct()];
            if (names.Length > 1)
            {
                foreach (string name in names)
                {
                    together[name] = names;
                }
            }
        }

        HashSet<string> done = new(StringComparer.Ordinal);
        ImmutableArray<TensorGroup>.Builder groups = ImmutableArray.CreateBuilder<TensorGroup>();
        foreach (string name in order.Where(name => !done.Contains(name)))
        {
            if (!together.TryGetValue(name, out ImmutableArray<string> names))
            {
                groups.Add(Alone(tensors[name]));
                continue;
            }

            done.UnionWith(names);
            string scope = name[..(name.LastIndexOf('.', name.Length - ".weight".Length - 1) + 1)];
            string joined = string.Join('+', names.Select(part => Short(part)[scope.Length..]));
            groups.Add(new TensorGroup(scope + joined, [.. names.Select(part => tensors[part])], "one step multiplies the same rows with all of them"));
        }

        return groups.ToImmutable();
    }
}
