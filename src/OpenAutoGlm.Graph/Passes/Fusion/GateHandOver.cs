using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>
/// What a gate makes goes nowhere but into the next product, which rounds it before it multiplies it: whoever makes it may round it at once,
/// while it is in a cache, and float32 never goes through memory.
/// </summary>
sealed class GateHandOver : IGraphPass
{
    public string Name => "gate-hand-over";

    public string Description => "Hands what a gate makes to the next product as that multiplies it: rounded.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node is { Op: FusedMatMul { Gate: not null, HandsOver: false } op, Outputs: [.., var rows] } && edit.OnlyUser(rows) is { } next
                && Edges.AsFused(next) is { Prologue: null } reader && ReferenceEquals(next.Inputs[0], rows) && next.Inputs[1].Kind == ValueKind.Weight)
            {
                if (next.Op is MatMul)
                {
                    edit.Restate(next, reader);
                }

                edit.Replace([node], new Node(op with { HandsOver = true }, node.Inputs, node.Outputs));
            }
        }

        return edit.Finish();
    }
}
