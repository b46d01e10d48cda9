using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>What a weight does, in the words that people use, read off its name in GGUF's vocabulary.</summary>
static class TensorRole
{
    /// <summary>The role of a weight: "attention q/k/v", "ffn down", "head"; "other" for names that mean nothing here.</summary>
    public static string Of(string name)
    {
        string part = name.StartsWith("blk.", StringComparison.Ordinal) ? name[(name.IndexOf('.', 4) + 1)..] : name;
        part = part.Split('[')[0]; // rows of a fused weight
        return part switch
        {
            _ when part.StartsWith("token_embd", StringComparison.Ordinal) => "embedding",
            _ when part.StartsWith("output.", StringComparison.Ordinal) => "head",
            _ when part.Contains("norm", StringComparison.Ordinal) => "norms",
            _ when part.StartsWith("attn_output", StringComparison.Ordinal) => "attention output",
            _ when part.StartsWith("attn_", StringComparison.Ordinal) => "attention q/k/v",
            _ when part.StartsWith("ffn_gate_inp", StringComparison.Ordinal) || part.StartsWith("exp_probs", StringComparison.Ordinal) => "router",
            _ when part.Contains("_exps", StringComparison.Ordinal) => part.StartsWith("ffn_down", StringComparison.Ordinal) ? "experts down" : "experts gate and up",
            _ when part.StartsWith("ffn_down", StringComparison.Ordinal) => "ffn down",
            _ when part.StartsWith("ffn_", StringComparison.Ordinal) => "ffn gate and up",
            _ => "other",
        };
    }

    /// <summary>What a node computes, and where in the model.</summary>
    public static (string Operator, string Part) Of(Node node)
    {
        Value? weight = node.Inputs.Where(input => input.Constant is { Shape.Rank: > 1 }).MaxBy(input => input.Constant!.Bytes);
        if (node.Op.Name.StartsWith("Gather", StringComparison.Ordinal))
        {
            return weight is null ? ("norm", "") : ("lookup", "embedding");
        }

        if (weight is not null)
        {
            // A tied head is the embedding's table, met by a product.
            string part = Of(weight.Name);
            return (weight.Constant!.Shape.Rank == 3 ? "experts" : "product", part == "embedding" ? "head" : part);
        }

        string name = node.Op.Name;
        return name.Contains("Attention", StringComparison.Ordinal) ? ("attention", "")
            : name.Contains("Norm", StringComparison.Ordinal) ? ("norm", "")
            : node.Op is Rope || name.Contains("Rope", StringComparison.Ordinal) ? ("rotation", "")
            : node.Op is KvWrite ? ("writing keys and values", "")
            : ("elementwise", "");
    }
}
