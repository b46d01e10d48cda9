using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>What a search chooses from: for every group some formats, and some for keys and values.</summary>
/// <param name="Groups">The groups.</param>
/// <param name="Sources">The formats that the groups' tensors have now; of several the largest.</param>
/// <param name="Choices">By group: what it can be given.</param>
/// <param name="SourceKv">What keys and values of the original are stored in.</param>
/// <param name="KvChoices">What they can be stored in.</param>
public sealed record ChoiceSpace(
    ImmutableArray<TensorGroup> Groups,
    ImmutableArray<TensorFormat> Sources,
    ImmutableArray<ImmutableArray<TensorFormat>> Choices,
    TensorFormat SourceKv,
    ImmutableArray<TensorFormat> KvChoices)
{
    /// <summary>The choices of a model.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights, which say the formats that it comes in.</param>
    /// <param name="grouping">What shares a format.</param>
    /// <param name="allowed">Formats that may be chosen; empty for all that can be written.</param>
    /// <param name="kv">What keys and values may be stored in; empty for all.</param>
    /// <exception cref="ArgumentException">Keys and values cannot be stored in any of the given formats; the message says why.</exception>
    public static ChoiceSpace Of(ModelConfig config, IWeights weights, Grouping grouping, IReadOnlyCollection<TensorFormat> allowed, IReadOnlyCollection<TensorFormat> kv)
    {
        ImmutableArray<TensorGroup> groups = TensorGroups.Of(config, weights, grouping);
        ImmutableArray<TensorFormat> sources = [.. groups.Select(group => group.Tensors.Select(tensor => weights.Get(tensor.Name).Format).MaxBy(format => BlockFormat.Of(format).BitsPerElement))];
        ImmutableArray<TensorFormat> kvChoices = [.. FormatRule.KvChoicesOf(config.HeadDim).Where(format => kv.Count == 0 || kv.Contains(format))];
        return kvChoices.IsEmpty
            ? throw new ArgumentException($"Keys and values of heads of width {config.HeadDim} cannot be stored as {string.Join(" or ", kv)}; possible are {string.Join(", ", FormatRule.KvChoicesOf(config.HeadDim))}.", nameof(kv))
            : new ChoiceSpace(groups, sources, [.. groups.Select((group, g) => FormatRule.ChoicesOf(group, sources[g], allowed))], TensorFormat.F32, kvChoices);
    }

    /// <summary>The model as it is.</summary>
    public Search.Assignment Source => new(Sources, SourceKv);

    /// <summary>The group of a name.</summary>
    public int IndexOf(string name)
    {
        for (int i = 0; i < Groups.Length; i++)
        {
            if (Groups[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }
}
