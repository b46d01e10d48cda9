using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>What the one who runs a graph decides about it.</summary>
/// <param name="BlockTokens">Tokens in a block of KV memory, a multiple of 16.</param>
/// <param name="KvFormat">What keys and values are stored in: one of <see cref="Graph.Ops.KvLayout.Formats"/>.</param>
public sealed record GraphOptions(int BlockTokens = 32, TensorFormat KvFormat = TensorFormat.BF16)
{
    /// <summary>Whether the graph ends with the final norm of every token (<see cref="ModelInputs.Hidden"/>) instead of logits.</summary>
    public bool EndsHidden { get; init; }
}
