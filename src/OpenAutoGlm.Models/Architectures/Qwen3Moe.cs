using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>Qwen3-MoE: Qwen3 with experts chosen by a softmax over all of them in every layer. Source: Yang et al. 2025.</summary>
sealed class Qwen3Moe : IArchitecture
{
    public string Name => "qwen3moe";

    public ModelGraph Build(ModelConfig config, IWeights weights, GraphOptions options)
    {
        Decoder decoder = new(config, weights, options);
        Value x = decoder.Embed(); // [tokens, hidden]
        foreach (int _ in decoder.Layers())
        {
            x = decoder.Residual("attn_residual", x, decoder.Attention(decoder.Norm("attn_norm", x)));
            x = decoder.Residual("ffn_residual", x, decoder.ExpertFfn(decoder.Norm("ffn_norm", x), RouterScoring.Softmax));
        }

        return decoder.Finish(x);
    }
}
