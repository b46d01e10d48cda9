using OpenAutoGlm.Graph;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>
/// The plain pre-norm decoder: x + attention(norm x), then x + gated network(norm x). Biases, head norms, fused
/// projections and partial rotation are read off the weights and the configuration, so that one description serves
/// Llama 1 to 3, Mistral and SmolLM (llama), Qwen2 and 2.5 (qwen2: biases), Qwen3 (qwen3: head norms), and GLM-4-9B-chat
/// and GLM-Edge (glm: fused projections, biases, half of each head rotated in interleaved pairs).
/// Source: Touvron et al. 2023; Yang et al. 2024, 2025; GLM Team 2024.
/// </summary>
sealed class Llama(string name) : IArchitecture
{
    public string Name => name;

    public ModelGraph Build(ModelConfig config, IWeights weights, GraphOptions options)
    {
        Decoder decoder = new(config, weights, options);
        Value x = decoder.Embed(); // [tokens, hidden]
        foreach (int _ in decoder.Layers())
        {
            x = decoder.Residual("attn_residual", x, decoder.Attention(decoder.Norm("attn_norm", x)));
            x = decoder.Residual("ffn_residual", x, decoder.GatedFfn(decoder.Norm("ffn_norm", x)));
        }

        return decoder.Finish(x);
    }
}
