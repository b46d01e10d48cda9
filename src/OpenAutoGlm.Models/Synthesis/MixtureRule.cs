using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>Which layers a rule of a mixture is for.</summary>
enum LayerRun
{
    /// <summary>All, and what lies outside the layers.</summary>
    All,

    /// <summary>The first two.</summary>
    FirstTwo,

    /// <summary>The first four.</summary>
    FirstFour,

    /// <summary>The first sixteenth.</summary>
    FirstSixteenth,

    /// <summary>The first eighth.</summary>
    FirstEighth,

    /// <summary>The first and the last eighth, and every third between: those that lose most on average.</summary>
    Outer,
}

/// <summary>Tensors that a mixture keeps in another format than most.</summary>
/// <param name="Kind">
/// The kind of tensor: attn_v (a fused attn_qkv follows its rule), attn_output, ffn_down (experts' and shared ones' too),
/// exps (all experts'), or output (the embedding table where it is the output projection as well).
/// </param>
/// <param name="Layers">Which layers of them.</param>
/// <param name="Format">The format that they get.</param>
/// <param name="LeastSharing">Only where at least so many query heads share a key and value head, so that attn_v is small and used often.</param>
readonly record struct MixtureRule(string Kind, LayerRun Layers, TensorFormat Format, int LeastSharing = 0)
{
    /// <summary>Whether the rule is about a tensor of that kind, in a model of so many layers, query heads and key heads.</summary>
    public bool Covers(string kind, int layer, int layers, int heads, int kvHeads, bool tied) =>
        IsOf(kind, tied) && IsIn(layer, layers) && heads >= LeastSharing * kvHeads;

    bool IsOf(string kind, bool tied) => Kind switch
    {
        "attn_v" => kind is "attn_v" or "attn_qkv",
        "ffn_down" => kind.StartsWith("ffn_down", StringComparison.Ordinal),
        "exps" => kind.EndsWith("_exps", StringComparison.Ordinal),
        "output" => kind == "output" || (tied && kind == "token_embd"),
        _ => kind == Kind,
    };

    bool IsIn(int layer, int layers) => Layers switch
    {
        LayerRun.FirstTwo => layer < 2,
        LayerRun.FirstFour => layer < 4,
        LayerRun.FirstSixteenth => layer < layers / 16,
        LayerRun.FirstEighth => layer < layers / 8,
        LayerRun.Outer => layer < layers / 8 || layer >= 7 * layers / 8 || (layer - (layers / 8)) % 3 == 2,
        _ => true,
    };
}
