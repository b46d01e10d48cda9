using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Safetensors;

namespace OpenAutoGlm.Models;

/// <summary>
/// Writes a GGUF model as Hugging Face would have it: config.json, their names, one tensor for each expert, and for
/// Llama the rows of q and k back in half-split order. The names are stated here once more, independently of the product.
/// </summary>
static class SafetensorsTwin
{
    /// <summary>Writes config.json and model.safetensors into a folder; <paramref name="original"/> for ChatGLM's first names.</summary>
    public static void Write(string gguf, string folder, bool original = false)
    {
        using GgufFile file = GgufFile.Open(gguf);
        ModelConfig config = GgufConfig.Read(file);
        SafetensorsWriter writer = new();
        foreach (TensorInfo info in file.Tensors)
        {
            Tensor tensor = Plain(file.GetTensor(info.Name));
            foreach ((string name, Tensor part) in original ? [(Original(info.Name), tensor)] : Parts(config, info.Name, tensor))
            {
                writer.Add(name, part);
            }
        }

        writer.Write(Path.Combine(folder, "model.safetensors"));
        File.WriteAllText(Path.Combine(folder, "config.json"), (original ? OriginalConfig(config) : Config(config)).ToJsonString());
    }

    static Tensor Plain(Tensor tensor) => Tensor.Of(tensor.ToFloats(), [.. tensor.Shape.Dims]);

    static IEnumerable<(string, Tensor)> Parts(ModelConfig config, string name, Tensor tensor)
    {
        switch (name)
        {
            case "token_embd.weight":
                return [("model.embed_tokens.weight", tensor)];
            case "output_norm.weight":
                return [("model.norm.weight", tensor)];
            case "output.weight":
                return [("lm_head.weight", tensor)];
        }

        string[] words = name.Split('.', 4); // blk, layer, what, ending
        string layer = $"model.layers.{words[1]}.";
        string ending = "." + words[3];
        bool sandwich = config.Architecture == "glm4";
        string? expert = words[2] switch { "ffn_gate_exps" => "gate_proj", "ffn_up_exps" => "up_proj", "ffn_down_exps" => "down_proj", _ => null };
        if (expert is not null)
        {
            return Enumerable.Range(0, tensor.Shape[0].Size).Select(i => ($"{layer}mlp.experts.{i}.{expert}{ending}", Drop(tensor.Rows(i, 1))));
        }

        (int q, int k) = (config.Heads * config.HeadDim, config.KvHeads * config.HeadDim);
        return words[2] switch
        {
            "attn_norm" => [($"{layer}input_layernorm{ending}", tensor)],
            "attn_q" => [($"{layer}self_attn.q_proj{ending}", config.Architecture == "llama" ? HalfSplit(tensor, config.Heads) : tensor)],
            "attn_k" => [($"{layer}self_attn.k_proj{ending}", config.Architecture == "llama" ? HalfSplit(tensor, config.KvHeads) : tensor)],
            "attn_v" => [($"{layer}self_attn.v_proj{ending}", tensor)],
            "attn_qkv" => [($"{layer}self_attn.q_proj{ending}", tensor.Rows(0, q)), ($"{layer}self_attn.k_proj{ending}", tensor.Rows(q, k)), ($"{layer}self_attn.v_proj{ending}", tensor.Rows(q + k, k))],
            "attn_output" => [($"{layer}self_attn.o_proj{ending}", tensor)],
            "attn_q_norm" => [($"{layer}self_attn.q_norm{ending}", tensor)],
            "attn_k_norm" => [($"{layer}self_attn.k_norm{ending}", tensor)],
            "post_attention_norm" => [($"{layer}{(sandwich ? "post_self_attn_layernorm" : "post_attention_layernorm")}{ending}", tensor)],
            "ffn_norm" => [($"{layer}post_attention_layernorm{ending}", tensor)],
            "post_ffw_norm" => [($"{layer}post_mlp_layernorm{ending}", tensor)],
            "ffn_gate" => [($"{layer}mlp.gate_proj{ending}", tensor)],
            "ffn_up" => [($"{layer}mlp.{(config.Architecture is "glm" or "glm4" ? "gate_up_proj" : "up_proj")}{ending}", tensor)],
            "ffn_down" => [($"{layer}mlp.down_proj{ending}", tensor)],
            "ffn_gate_inp" => [($"{layer}mlp.gate{ending}", tensor)],
            "exp_probs_b" => [($"{layer}mlp.gate.e_score_correction_bias", tensor)],
            "ffn_gate_shexp" => [($"{layer}mlp.shared_experts.gate_proj{ending}", tensor)],
            "ffn_up_shexp" => [($"{layer}mlp.shared_experts.up_proj{ending}", tensor)],
            "ffn_down_shexp" => [($"{layer}mlp.shared_experts.down_proj{ending}", tensor)],
            _ => throw new InvalidOperationException($"{name} has no name in Hugging Face files."),
        };
    }

    static string Original(string name)
    {
        string[] words = name.Split('.', 4);
        return name switch
        {
            "token_embd.weight" => "transformer.embedding.word_embeddings.weight",
            "output_norm.weight" => "transformer.encoder.final_layernorm.weight",
            "output.weight" => "transformer.output_layer.weight",
            _ => $"transformer.encoder.layers.{words[1]}." + words[2] switch
            {
                "attn_norm" => "input_layernorm",
                "attn_qkv" => "self_attention.query_key_value",
                "attn_output" => "self_attention.dense",
                "ffn_norm" => "post_attention_layernorm",
                "ffn_up" => "mlp.dense_h_to_4h",
                "ffn_down" => "mlp.dense_4h_to_h",
                _ => throw new InvalidOperationException(name),
            } + "." + words[3],
        };
    }

    static Tensor Drop(Tensor expert) => expert.Reshape(expert.Shape[1], expert.Shape[2]);

    /// <summary>Rows 2i and 2i + 1 of each head become rows i and i + headDim / 2.</summary>
    static Tensor HalfSplit(Tensor tensor, int heads)
    {
        float[] from = tensor.ToFloats();
        float[] to = new float[from.Length];
        int rowLength = tensor.Shape.Rank == 1 ? 1 : tensor.Shape.Last.Size;
        int headDim = from.Length / rowLength / heads;
        for (int row = 0; row < heads * headDim; row++)
        {
            (int head, int place) = Math.DivRem(row, headDim);
            int target = (head * headDim) + (place % 2 * headDim / 2) + (place / 2);
            from.AsSpan(row * rowLength, rowLength).CopyTo(to.AsSpan(target * rowLength));
        }

        return Tensor.Of(to, [.. tensor.Shape.Dims]);
    }

    static JsonObject Config(ModelConfig config)
    {
        JsonObject json = new()
        {
            ["model_type"] = config.Architecture switch { "qwen3moe" => "qwen3_moe", "glm4moe" => "glm4_moe", string same => same },
            ["hidden_size"] = config.Hidden,
            ["intermediate_size"] = config.Inner,
            ["num_hidden_layers"] = config.Layers,
            ["num_attention_heads"] = config.Heads,
            ["num_key_value_heads"] = config.KvHeads,
            ["head_dim"] = config.HeadDim,
            ["vocab_size"] = config.Vocab,
            ["max_position_embeddings"] = config.ContextLength,
            ["rms_norm_eps"] = config.NormEpsilon,
            ["rope_theta"] = config.Rope.Base,
            ["partial_rotary_factor"] = (float)config.Rope.Dims / config.HeadDim,
            ["tie_word_embeddings"] = config.TiedEmbeddings,
            ["hidden_act"] = "silu",
        };
        if (config.Experts is { } experts)
        {
            json["moe_intermediate_size"] = experts.Inner;
            json["n_routed_experts"] = experts.Count;
            json["n_shared_experts"] = experts.SharedInner / experts.Inner;
            json["num_experts_per_tok"] = experts.Used;
            json["first_k_dense_replace"] = experts.DenseLayers;
            json["norm_topk_prob"] = experts.Renormalise;
            json["routed_scaling_factor"] = experts.Scale;
        }

        return json;
    }

    static JsonObject OriginalConfig(ModelConfig config)
    {
        Assert.Equal((RopePairing.Interleaved, config.HeadDim / 2), (config.Rope.Pairing, config.Rope.Dims));
        return new JsonObject
        {
            ["model_type"] = "chatglm",
            ["hidden_size"] = config.Hidden,
            ["ffn_hidden_size"] = config.Inner,
            ["num_layers"] = config.Layers,
            ["num_attention_heads"] = config.Heads,
            ["multi_query_attention"] = true,
            ["multi_query_group_num"] = config.KvHeads,
            ["kv_channels"] = config.HeadDim,
            ["padded_vocab_size"] = config.Vocab,
            ["seq_length"] = config.ContextLength,
            ["layernorm_epsilon"] = config.NormEpsilon,
            ["rope_ratio"] = config.Rope.Base / 10000,
        };
    }
}
