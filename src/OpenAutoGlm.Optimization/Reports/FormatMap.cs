using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>What the tensors of the result are stored in: a picture of layers by roles.</summary>
/// <param name="Roles">Roles of tensors in the order of the picture's columns; cells with others follow behind.</param>
/// <param name="Cells">The cells; one for each layer and role.</param>
public sealed record FormatMap(ImmutableArray<string> Roles, ImmutableArray<FormatCell> Cells)
{
    /// <summary>Roles of tensors in the order of the picture's columns.</summary>
    public ImmutableArray<string> Roles { get => field.IsDefault ? [] : field; init; } = Roles;

    /// <summary>The cells; one for each layer and role.</summary>
    public ImmutableArray<FormatCell> Cells { get => field.IsDefault ? [] : field; init; } = Cells;
}

/// <summary>The tensors of one role in one layer.</summary>
/// <param name="Layer">The layer; null outside of the layers (embedding, head).</param>
/// <param name="Role">The role: "q", "k", "v", "o", "gate", "up", "down", "embedding", "head", "kv cache".</param>
/// <param name="Format">What they are stored in.</param>
/// <param name="Original">What they were stored in.</param>
/// <param name="Parameters">Numbers in them; of a cache, numbers for each token.</param>
/// <param name="Bytes">Bytes of them now; of a cache, bytes for each token.</param>
public sealed record FormatCell(int? Layer, string Role, TensorFormat Format, TensorFormat Original, long Parameters, long Bytes)
{
    /// <summary>Bits for each number.</summary>
    public double Bits => Parameters == 0 ? 0 : Bytes * 8.0 / Parameters;

    /// <summary>How they were rounded, "importance weighted" for example; null where they were not.</summary>
    public string? Method { get; init; }

    /// <summary>What the search expects this to cost, in nats per token; null where it does not say.</summary>
    public double? PredictedLoss { get; init; }
}
