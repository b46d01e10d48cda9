using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>The names by which command lines and recipes know ways to choose what goes.</summary>
public static class PruningMethods
{
    /// <summary>Ways to choose units.</summary>
    public static ImmutableSortedDictionary<string, ImportanceMethod> Units { get; } = ImmutableSortedDictionary.CreateRange(
        StringComparer.OrdinalIgnoreCase,
        [
            KeyValuePair.Create("magnitude", ImportanceMethod.Magnitude),
            KeyValuePair.Create("activation", ImportanceMethod.Activation),
            KeyValuePair.Create("influence", ImportanceMethod.BlockInfluence),
            KeyValuePair.Create("sensitivity", ImportanceMethod.Sensitivity),
            KeyValuePair.Create("masks", ImportanceMethod.RandomMasks),
            KeyValuePair.Create("ablation", ImportanceMethod.Ablation),
        ]);

    /// <summary>Ways to choose weights that become zero.</summary>
    public static ImmutableSortedDictionary<string, SparseMethod> Zeros { get; } = ImmutableSortedDictionary.CreateRange(
        StringComparer.OrdinalIgnoreCase,
        [
            KeyValuePair.Create("magnitude", SparseMethod.Magnitude),
            KeyValuePair.Create("wanda", SparseMethod.Wanda),
            KeyValuePair.Create("sparsegpt", SparseMethod.SparseGpt),
        ]);
}
