using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>A place where nothing can be scaled, and why.</summary>
/// <param name="Where">The weights in question.</param>
/// <param name="Reason">What stands in the way.</param>
public sealed record Refusal(string Where, string Reason);

/// <summary>
/// A place in a model where channels can be divided before and multiplied again behind without changing what the model
/// computes, because only linear parts and elementwise products lie between: a norm's weight before the matrices that read it,
/// the rows of ffn_up before ffn_down, the rows of attn_v before attn_output.
/// </summary>
sealed class ScaleSite
{
    /// <summary>What the site is called: the producer, as in "blk.0.attn_norm.weight".</summary>
    public required string Name { get; init; }

    /// <summary>Channels; as many as the producer has elements or rows.</summary>
    public required int Channels { get; init; }

    /// <summary>What is divided: a norm's weight, or rows of matrices and their biases.</summary>
    public required ImmutableArray<WeightRows> Producers { get; init; }

    /// <summary>What is multiplied, column by column.</summary>
    public required ImmutableArray<WeightRows> Consumers { get; init; }

    /// <summary>Columns of a consumer.</summary>
    public required int Columns { get; init; }

    /// <summary>Width of a head, for values; else all channels.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Query heads that read one value head; 1 where columns are channels.</summary>
    public int Sharing => Columns / Channels;

    /// <summary>Which channel a consumer's column reads.</summary>
    public int ChannelOf(int column) => (column / HeadDim / Sharing * HeadDim) + (column % HeadDim);

    /// <summary>Divides the producers and multiplies the consumers.</summary>
    public void Fold(WeightEditor editor, float[] scales)
    {
        foreach (WeightRows rows in Producers)
        {
            editor.DivideRows(rows, scales);
        }

        float[] factors = ByColumn(scales);
        foreach (WeightRows rows in Consumers)
        {
            editor.ScaleColumns(rows, factors);
        }
    }

    /// <summary>A number for every channel as one for every column.</summary>
    public float[] ByColumn(float[] channels) => [.. Enumerable.Range(0, Columns).Select(column => channels[ChannelOf(column)])];

    /// <summary>Finds all sites of a graph, and what is none.</summary>
    public static (ImmutableArray<ScaleSite> Sites, ImmutableArray<Refusal> Refused) Of(ModelGraph graph)
    {
        SiteFinder finder = new(graph);
        var sites = ImmutableArray.CreateBuilder<ScaleSite>();
        var refused = ImmutableArray.CreateBuilder<Refusal>();
        foreach (var consumers in graph.Nodes.Where(node => node.Op is MatMul or ExpertMatMul).GroupBy(node => node.Inputs[0]))
        {
            string where = string.Join(", ", consumers.Select(node => node.Inputs[1].Name));
            (ScaleSite? site, string reason) = finder.Find(consumers.Key, [.. consumers]);
            if (site is null)
            {
                refused.Add(new Refusal(where, reason));
            }
            else
            {
                sites.Add(site);
            }
        }

        return (sites.ToImmutable(), refused.ToImmutable());
    }
}

/// <summary>Reads off a graph where what is multiplied with matrices comes from.</summary>
sealed class SiteFinder(ModelGraph graph)
{
    readonly Dictionary<Value, Node> _makers = graph.Nodes.SelectMany(node => node.Outputs.Select(output => (output, node))).ToDictionary(pair => pair.output, pair => pair.node);
    readonly ILookup<Value, Node> _users = graph.Nodes.SelectMany(node => node.Inputs.Distinct().Select(input => (input, node))).ToLookup(pair => pair.input, pair => pair.node);

    /// <summary>The site whose channels are the columns of x, or why there is none.</summary>
    public (ScaleSite? Site, string Reason) Find(Value x, ImmutableArray<Node> consumers)
    {
        if (_users[x].FirstOrDefault(node => node.Op is not MatMul) is { } other)
        {
            return (null, other.Op is ExpertMatMul ? "experts read it, of which each would want scales of its own." : $"{other.Op} reads it as well, unscaled.");
        }

        if (consumers.Select(node => node.Inputs[1]).FirstOrDefault(IsShared) is { } shared)
        {
            return (null, $"{shared.Name} is used elsewhere as well, where nothing is divided.");
        }

        if (!_makers.TryGetValue(x, out Node? maker))
        {
            return (null, "it is an input of the model.");
        }

        (Value? producer, int headDim, string reason) = maker.Op switch
        {
            RmsNorm => (maker.Inputs[1], x.Type.Shape.Last.Size, ""),
            Multiply => Gated(maker),
            Reshape => Attended(maker),
            _ => (null, 0, $"{maker.Op} lies before it, through which scales do not pass."),
        };
        if (producer is null)
        {
            return (null, reason);
        }

        ImmutableArray<WeightRows> producers = maker.Op is RmsNorm ? [WeightRows.Of(producer)] : Projection(producer);
        if (producers.IsEmpty || (maker.Op is RmsNorm && IsShared(producer)))
        {
            return (null, $"{producer.Name} has more than one use.");
        }

        return (new ScaleSite
        {
            Name = producers[0].Name,
            Channels = producers[0].Count,
            Producers = producers,
            Consumers = [.. consumers.Select(node => WeightRows.Of(node.Inputs[1]))],
            Columns = x.Type.Shape.Last.Size,
            HeadDim = headDim,
        }, "");
    }

    /// <summary>activation(gate) · up: the up half passes scales through.</summary>
    (Value? Producer, int Width, string Reason) Gated(Node product)
    {
        Value up = product.Inputs[1];
        return _makers.TryGetValue(product.Inputs[0], out Node? gate) && gate.Op is Activate && HasOneUse(up)
            ? (up, up.Type.Shape.Last.Size, "")
            : (null, 0, "it is no product of a gate and a projection.");
    }

    /// <summary>attention(q, k, v) as rows: each channel is a mean of one channel of v.</summary>
    (Value? Producer, int Width, string Reason) Attended(Node reshape)
    {
        if (_makers.TryGetValue(reshape.Inputs[0], out Node? attention) && attention.Op is PagedAttention
            && _makers.TryGetValue(attention.Inputs[2], out Node? write) && write.Op is KvWrite
            && _makers.TryGetValue(write.Inputs[1], out Node? heads) && heads.Op is Reshape && HasOneUse(heads.Outputs[0]) && HasOneUse(heads.Inputs[0]))
        {
            return (heads.Inputs[0], write.Inputs[1].Type.Shape.Last.Size, "");
        }

        return (null, 0, "it is not what attention makes of projected values.");
    }

    /// <summary>The rows, and the bias if there is one, that a value is projected by; none where either is used elsewhere.</summary>
    ImmutableArray<WeightRows> Projection(Value value)
    {
        if (!_makers.TryGetValue(value, out Node? maker))
        {
            return [];
        }

        if (maker.Op is Add && maker.Inputs[1].Kind == ValueKind.Weight && HasOneUse(maker.Inputs[0]) && !IsShared(maker.Inputs[1]))
        {
            ImmutableArray<WeightRows> rows = Projection(maker.Inputs[0]);
            return rows.IsEmpty ? rows : rows.Add(WeightRows.Of(maker.Inputs[1]));
        }

        return maker.Op is MatMul && !IsShared(maker.Inputs[1]) ? [WeightRows.Of(maker.Inputs[1])] : [];
    }

    bool HasOneUse(Value value) => _users[value].Count() == 1;

    bool IsShared(Value weight) => !HasOneUse(weight);
}
