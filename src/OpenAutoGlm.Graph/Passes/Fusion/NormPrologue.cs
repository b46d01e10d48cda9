using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>
/// A norm (with the sum or the choice of rows before it) is done where the product that follows makes its rows ready, so
/// the normed rows never lie in memory. The router hands them on, because the experts read them too.
/// </summary>
sealed class NormPrologue : IGraphPass
{
    public string Name => "norm-prologue";

    public string Description => "Norms rows where the next product makes them ready.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            Value x = node.Inputs.IsEmpty ? node.Outputs[0] : node.Inputs[0];
            if (x.Type.Shape.Rank != 2 || edit.Producer(x) is not { Op: RmsNorm or GatherNorm or ResidualNorm { Next: not null } } norm)
            {
                continue;
            }

            // A sum that comes out beside the products must not be added to one of them: it would wait for itself.
            bool last = ReferenceEquals(norm.Outputs[^1], x);
            ImmutableArray<Value> rest = node.Inputs.RemoveAt(0);
            bool apart = !rest.Any(norm.Outputs.Contains) && (norm.Outputs.Length == 1 || rest.All(input => input.Kind != ValueKind.Computed));
            if (!last || !apart)
            {
                continue;
            }

            if (node.Op is FusedRouter { Prologue: null } router)
            {
                edit.Replace([norm, node], new Node(router with { Prologue = norm.Op }, [.. norm.Inputs, .. rest], [.. norm.Outputs, .. node.Outputs]));
            }
            else if (Edges.AsFused(node) is { Prologue: null } product && node.Inputs[1].Kind == ValueKind.Weight && ReferenceEquals(edit.OnlyUser(x), node))
            {
                edit.Replace([norm, node], new Node(product with { Prologue = norm.Op }, [.. norm.Inputs, .. rest], [.. norm.Outputs[..^1], .. node.Outputs]));
            }
        }

        return edit.Finish();
    }
}
