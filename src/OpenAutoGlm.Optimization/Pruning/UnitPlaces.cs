using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// Where the units of a model can be seen and silenced while its graph runs node by node: heads in what the output projection
/// reads, channels in what the down projection reads, experts in the router's logits, layers in the branches that are added to
/// the residual.
/// </summary>
sealed class UnitPlaces
{
    // Far below any logit of a router, and still a number.
    const float Never = -1e30f;

    readonly ModelConfig _config;
    readonly Dictionary<string, (UnitKind Kind, int Layer)> _byValue = new(StringComparer.Ordinal);

    /// <summary>The places in a graph of a configuration.</summary>
    public UnitPlaces(ModelConfig config, ModelGraph graph)
    {
        _config = config;
        for (int layer = 0; layer < config.Layers; layer++)
        {
            _byValue[HeadRows(layer)] = (UnitKind.Head, layer);
            _byValue[Channels(layer)] = (UnitKind.Channel, layer);
            _byValue[$"blk.{layer}.router_logits"] = (UnitKind.Expert, layer);
        }

        foreach (Node node in graph.Nodes.Where(node => node.Op is Add))
        {
            if (LayerOfResidual(node.Outputs[0].Name) is { } layer)
            {
                _byValue[node.Inputs[1].Name] = (UnitKind.Layer, layer);
            }
        }
    }

    /// <summary>Attention before the output projection: [tokens, heads · headDim].</summary>
    public static string HeadRows(int layer) => $"blk.{layer}.attn_rows";

    /// <summary>SiLU(gate) · up: [tokens, inner].</summary>
    public static string Channels(int layer) => $"blk.{layer}.product";

    /// <summary>Silences those of the units that the step has just computed.</summary>
    public void Silence(PlanStep step, Execution execution, IReadOnlyCollection<PrunableUnit> units)
    {
        if (units.Count == 0 || !_byValue.TryGetValue(step.Node.Outputs[0].Name, out (UnitKind Kind, int Layer) place))
        {
            return;
        }

        TensorView view = execution[step.Node.Outputs[0]];
        foreach (PrunableUnit unit in units)
        {
            if (unit.Layer == place.Layer && Columns(unit, place.Kind, view.RowLength) is var (start, count) && count > 0)
            {
                for (int row = 0; row < view.RowCount; row++)
                {
                    view.Row(row).Slice(start, count).Fill(place.Kind == UnitKind.Expert ? Never : 0);
                }
            }
        }
    }

    (int Start, int Count) Columns(PrunableUnit unit, UnitKind place, int width) => (unit.Kind, place) switch
    {
        (UnitKind.Head, UnitKind.Head) => (unit.Index * _config.HeadDim, _config.HeadDim),
        (UnitKind.KvGroup, UnitKind.Head) => (unit.Index * width / _config.KvHeads, width / _config.KvHeads),
        (UnitKind.Channel, UnitKind.Channel) or (UnitKind.Expert, UnitKind.Expert) => (unit.Index, 1),
        (UnitKind.Layer, UnitKind.Layer) => (0, width),
        _ => default,
    };

    static int? LayerOfResidual(string name) => name.Split('.') is ["blk", string number, "attn_residual" or "ffn_residual"] && int.TryParse(number, out int layer) ? layer : null;
}
