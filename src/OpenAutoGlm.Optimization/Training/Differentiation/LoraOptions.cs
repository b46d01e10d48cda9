namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>
/// Adapters beside the products of a model whose own weights stay as they are: y = x · wᵀ + Alpha / Rank · (x · Aᵀ) · Bᵀ, with A
/// [Rank, in] drawn at random and B [out, Rank] zero at first. Source: Hu et al. 2021, §4.1; over a quantised base: Dettmers et al. 2023, §3.
/// </summary>
/// <param name="Rank">Rows of A.</param>
/// <param name="Alpha">The adapter's weight, times Rank.</param>
/// <param name="Seed">Of A's first values.</param>
public sealed record LoraOptions(int Rank, float Alpha, int Seed = 1)
{
    /// <summary>Which weights get an adapter, by the names of the model's file; all that rows are multiplied with in the layers if null.</summary>
    public Func<string, bool>? Selects { get; init; }

    /// <summary>The factor on B · A.</summary>
    public float Scale => Alpha / Rank;

    internal bool Covers(string name) => Selects?.Invoke(name) ?? name.StartsWith("blk.", StringComparison.Ordinal);
}
