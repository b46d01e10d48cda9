using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Packages;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>What a model is and what it takes.</summary>
public sealed record ReportedModel
{
    /// <summary>Its name. Comes from a file or a user: never trusted.</summary>
    public required string Name { get; init; }

    /// <summary>Where it lies or came from; null where that does not matter.</summary>
    public string? Source { get; init; }

    /// <summary>The architecture.</summary>
    public required string Architecture { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Hidden { get; init; }

    /// <summary>Width of the dense feed-forward network.</summary>
    public required int Inner { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Rows of the embedding table.</summary>
    public required int Vocab { get; init; }

    /// <summary>Longest sequence, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Experts in a layer; 0 for a dense model.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that a token visits.</summary>
    public int ExpertsUsed { get; init; }

    /// <summary>Numbers in all weights.</summary>
    public required long Parameters { get; init; }

    /// <summary>Numbers that one token meets.</summary>
    public required long ActiveParameters { get; init; }

    /// <summary>Bytes of all weights.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bits that a weight takes on average.</summary>
    public double BitsPerWeight => Parameters == 0 ? 0 : WeightBytes * 8.0 / Parameters;

    /// <summary>What keys and values are stored in.</summary>
    public required TensorFormat KvFormat { get; init; }

    /// <summary>Bytes of keys and values for each token.</summary>
    public required long KvBytesPerToken { get; init; }

    /// <summary>Weights by format, the most bytes first.</summary>
    public ImmutableArray<FormatShare> Formats { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>Reads a model off its configuration and graph.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="source">Where it lies or came from.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="graph">Its graph, before any pass; the format of keys and values is that of its memory.</param>
    public static ReportedModel Of(string name, string? source, ModelConfig config, ModelGraph graph)
    {
        GraphCost cost = GraphCost.Of(graph);
        Tensor[] weights = [.. graph.OfKind(ValueKind.Weight).Select(value => value.Constant!)];
        return new ReportedModel
        {
            Name = name,
            Source = source,
            Architecture = config.Architecture,
            Layers = config.Layers,
            Hidden = config.Hidden,
            Inner = config.Inner,
            Heads = config.Heads,
            KvHeads = config.KvHeads,
            HeadDim = config.HeadDim,
            Vocab = config.Vocab,
            ContextLength = config.ContextLength,
            Experts = config.Experts?.Count ?? 0,
            ExpertsUsed = config.Experts?.Used ?? 0,
            Parameters = cost.Parameters,
            ActiveParameters = cost.ActiveParameters,
            WeightBytes = cost.WeightBytes,
            KvFormat = graph.OfKind(ValueKind.State).First().Type.Format,
            KvBytesPerToken = cost.KvBytesPerToken,
            Formats =
            [
                .. weights.GroupBy(weight => weight.Format)
                    .Select(group => new FormatShare(group.Key.ToString(), group.Count(), group.Sum(weight => weight.Shape.ElementCount), group.Sum(weight => weight.Bytes)))
                    .OrderByDescending(share => share.Bytes),
            ],
        };
    }
}
