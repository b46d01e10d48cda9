using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>
/// GLM-4.5: the first layers dense, then experts chosen by a sigmoid with a correction bias, beside a shared one. Its
/// norm before the feed-forward network is called post_attention_norm. Source: GLM-4.5 Team 2025, §2.1.
/// </summary>
sealed class Glm4Moe : IArchitecture
{
    public string Name => "glm4moe";

    public ModelGraph Build(ModelConfig config, IWeights weights, GraphOptions options)
    {
        Decoder decoder = new(config, weights, options);
        Value x = decoder.Embed(); // [tokens, hidden]
        foreach (int layer in decoder.Layers())
        {
            x = decoder.Residual("attn_residual", x, decoder.Attention(decoder.Norm("attn_norm", x)));
            Value normed = decoder.Norm("post_attention_norm", x);
            bool dense = layer < config.Experts!.DenseLayers;
            x = decoder.Residual("ffn_residual", x, dense ? decoder.GatedFfn(normed) : decoder.ExpertFfn(normed, RouterScoring.Sigmoid));
        }

        return decoder.Finish(x);
    }
}
