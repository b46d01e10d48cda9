using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Reads the expert layers of GLM-4.5 and Qwen3-MoE.</summary>
static class HuggingFaceExperts
{
    public static ExpertsConfig? Read(JsonFields fields, string architecture, int layers) => architecture switch
    {
        "glm4moe" => ConfigRules.Checked(ReadGlm(fields, layers), fields, "num_experts_per_tok"),
        "qwen3moe" => ConfigRules.Checked(ReadQwen(fields), fields, "num_experts_per_tok"),
        _ => null,
    };

    static ExpertsConfig ReadGlm(JsonFields fields, int layers)
    {
        if (fields.CountOrZero("n_group", ConfigFields.MaxExperts, 1) > 1)
        {
            throw fields.Error("n_group", "experts chosen group by group are not supported.");
        }

        int inner = fields.Count("moe_intermediate_size", ConfigFields.MaxInner);
        int shared = fields.CountOrZero("n_shared_experts", ConfigFields.MaxExperts, 1);
        return new ExpertsConfig
        {
            Count = fields.Count("n_routed_experts", ConfigFields.MaxExperts),
            Used = fields.Count("num_experts_per_tok", ConfigFields.MaxExperts),
            Inner = inner,
            SharedInner = (long)inner * shared <= ConfigFields.MaxInner
                ? inner * shared
                : throw fields.Error("n_shared_experts", $"is {shared}; so many experts of width {inner} are wider than {ConfigFields.MaxInner}."),
            DenseLayers = Math.Min(fields.CountOrZero("first_k_dense_replace", ConfigFields.MaxLayers, 1), layers),
            Renormalise = fields.Bool("norm_topk_prob", whenAbsent: true),
            Scale = fields.Positive("routed_scaling_factor", ConfigFields.MaxFactor, 1),
        };
    }

    static ExpertsConfig ReadQwen(JsonFields fields)
    {
        if (fields.Array("mlp_only_layers") is { Length: > 0 })
        {
            throw fields.Error("mlp_only_layers", "dense layers between those with experts are not supported.");
        }

        if (fields.Count("decoder_sparse_step", ConfigFields.MaxLayers, 1) is > 1 and int step)
        {
            throw fields.Error("decoder_sparse_step", $"is {step}; only 1, experts in every layer, is supported.");
        }

        string countField = fields.Has("num_experts") ? "num_experts" : "num_local_experts";
        return new ExpertsConfig
        {
            Count = fields.Count(countField, ConfigFields.MaxExperts),
            Used = fields.Count("num_experts_per_tok", ConfigFields.MaxExperts),
            Inner = fields.Count("moe_intermediate_size", ConfigFields.MaxInner),
            Renormalise = fields.Bool("norm_topk_prob", whenAbsent: false),
        };
    }
}
