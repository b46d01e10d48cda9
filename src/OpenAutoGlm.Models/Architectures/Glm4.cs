using OpenAutoGlm.Graph;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>
/// GLM-4-0414, and the text part of GLM-4.1V: sandwich norms, one before each branch and one after it, before the
/// residual is added. Source: the model's published implementation (Glm4ForCausalLM).
/// </summary>
sealed class Glm4 : IArchitecture
{
    public string Name => "glm4";

    public ModelGraph Build(ModelConfig config, IWeights weights, GraphOptions options)
    {
        Decoder decoder = new(config, weights, options);
        Value x = decoder.Embed(); // [tokens, hidden]
        foreach (int _ in decoder.Layers())
        {
            Value attended = decoder.Attention(decoder.Norm("attn_norm", x));
            x = decoder.Residual("attn_residual", x, decoder.Norm("post_attention_norm", attended));
            Value mapped = decoder.GatedFfn(decoder.Norm("ffn_norm", x));
            x = decoder.Residual("ffn_residual", x, decoder.Norm("post_ffw_norm", mapped));
        }

        return decoder.Finish(x);
    }
}
