using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>What a tensor of a group is used for.</summary>
public enum TensorUse
{
    /// <summary>Rows are multiplied with it: [out, in].</summary>
    Product,

    /// <summary>Rows of chosen experts are multiplied with it: [experts, out, in].</summary>
    Experts,

    /// <summary>Rows are picked from it: an embedding table.</summary>
    Rows,

    /// <summary>Rows are picked from it, and multiplied with it: a tied embedding table.</summary>
    RowsAndProduct,
}

/// <summary>A stored tensor that can be given another format.</summary>
/// <param name="Name">The name in GGUF files.</param>
/// <param name="Use">What the graph does with it.</param>
/// <param name="Rows">Rows of one matrix.</param>
/// <param name="Columns">Elements of a row.</param>
/// <param name="Matrices">1, or the number of experts.</param>
/// <param name="Used">Matrices that one token meets.</param>
public sealed record GroupTensor(string Name, TensorUse Use, int Rows, int Columns, int Matrices = 1, int Used = 1)
{
    /// <summary>Elements.</summary>
    public long Elements => (long)Rows * Columns * Matrices;
}

/// <summary>Tensors that are given one format together.</summary>
/// <param name="Name">The name of the tensor without layer's ending, or what the tensors have in common: blk.0.attn_q, blk.0.attn_qkv, token_embd.</param>
/// <param name="Tensors">Its tensors, at least one.</param>
/// <param name="Why">Why they belong together; empty for a tensor alone.</param>
public sealed record TensorGroup(string Name, ImmutableArray<GroupTensor> Tensors, string Why = "")
{
    /// <summary>The name without the layer: attn_q, ffn_down, token_embd.</summary>
    public string Kind => Name.StartsWith("blk.", StringComparison.Ordinal) ? Name[(Name.IndexOf('.', 4) + 1)..] : Name;

    /// <summary>The layer; −1 outside the layers.</summary>
    public int Layer => Name.Split('.') is ["blk", string number, ..] && int.TryParse(number, out int layer) ? layer : -1;

    /// <summary>Elements of all tensors.</summary>
    public long Elements => Tensors.Sum(tensor => tensor.Elements);

    /// <summary>Elements of a row; all tensors of a group are multiplied with the same rows.</summary>
    public int Columns => Tensors[0].Columns;
}

/// <summary>How tensors are put into groups.</summary>
public enum Grouping
{
    /// <summary>
    /// Each stored tensor by itself. The kernels take queries, keys and values, and gate and up, in one step also where
    /// their formats differ, so only what a file stores as one tensor has to share a format.
    /// </summary>
    Stored,

    /// <summary>What a fused step multiplies together shares a format: queries, keys and values; gate and up. Fewer groups to measure.</summary>
    Fused,
}
