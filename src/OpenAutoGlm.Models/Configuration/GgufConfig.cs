using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Reads the hyper-parameters of a GGUF file, absent keys as llama.cpp takes them.</summary>
public static class GgufConfig
{
    static readonly Family[] Families =
    [
        new("llama", "llama", RopePairing.Interleaved),
        new("qwen2", "qwen2", RopePairing.Half),
        new("qwen3", "qwen3", RopePairing.Half),
        new("qwen3moe", "qwen3moe", RopePairing.Half),
        new("chatglm", "glm", RopePairing.Interleaved),
        new("glm4", "glm4", RopePairing.Interleaved),
        new("glm4moe", "glm4moe", RopePairing.Half),
    ];

    /// <summary>The values of general.architecture that are supported.</summary>
    public static IEnumerable<string> Supported => Families.Select(family => family.Name);

    /// <summary>Reads the configuration of a model; the size of the vocabulary is that of the embedding table, where there is one.</summary>
    /// <exception cref="ModelFormatException">A key is missing, out of bounds or of another type, or the architecture is not supported.</exception>
    public static ModelConfig Read(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        string name = file.Metadata.GetString("general.architecture");
        Family family = Families.FirstOrDefault(family => family.Name == name)
            ?? throw new ModelFormatException(file.Path, "general.architecture", $"'{name}' is not supported; supported are {string.Join(", ", Supported)}.");
        GgufFields fields = new(file.Metadata, name);

        int hidden = fields.Count("embedding_length", ConfigFields.MaxWidth);
        int heads = fields.Count("attention.head_count", ConfigFields.MaxHeads);
        int headDim = fields.Count("attention.key_length", ConfigFields.MaxHeadDim, Math.Max(hidden / heads, 1));
        if (fields.Count("attention.value_length", ConfigFields.MaxHeadDim, headDim) is int valueDim && valueDim != headDim)
        {
            throw fields.Error("attention.value_length", $"is {valueDim}, but keys are {headDim} wide; heads whose values have another width are not supported.");
        }

        ModelConfig config = new()
        {
            Architecture = family.Architecture,
            Layers = Layers(fields),
            Hidden = hidden,
            Heads = heads,
            KvHeads = fields.Count("attention.head_count_kv", ConfigFields.MaxHeads, heads),
            HeadDim = headDim,
            Inner = fields.Count("feed_forward_length", ConfigFields.MaxInner, family.Architecture == "qwen3moe" ? 1 : null),
            Vocab = Vocab(file, fields),
            ContextLength = fields.Count("context_length", ConfigFields.MaxContext),
            NormEpsilon = fields.Positive("attention.layer_norm_rms_epsilon", 1),
            Rope = Rope(fields, family, headDim),
            Experts = Experts(fields, family),
            SlidingWindow = fields.CountOrZero("attention.sliding_window", ConfigFields.MaxContext),
            TiedEmbeddings = !file.Tensors.Any(tensor => tensor.Name == "output.weight"),
        };
        return ConfigRules.Checked(config, fields, "attention.head_count_kv", "attention.key_length", "rope.dimension_count");
    }

    /// <summary>What GGUF files call an architecture, and which pairs it turns there.</summary>
    internal static (string Name, RopePairing Pairing) NameOf(string architecture) =>
        Families.FirstOrDefault(family => family.Architecture == architecture) is { } family
            ? (family.Name, family.Pairing)
            : throw new ArgumentException($"GGUF files have no name for the architecture '{architecture}'.", nameof(architecture));

    static int Layers(GgufFields fields)
    {
        int blocks = fields.Count("block_count", ConfigFields.MaxLayers);
        int nextn = fields.CountOrZero("nextn_predict_layers", ConfigFields.MaxLayers);
        return nextn < blocks ? blocks - nextn : throw fields.Error("nextn_predict_layers", $"is {nextn}, which leaves none of the {blocks} blocks.");
    }

    static int Vocab(GgufFile file, GgufFields fields)
    {
        if (file.Tensors.FirstOrDefault(tensor => tensor.Name == "token_embd.weight") is { } embedding)
        {
            return embedding.Extents[0] is <= ConfigFields.MaxVocab and int rows
                ? rows
                : throw new ModelFormatException(file.Path, embedding.Name, $"has {embedding.Extents[0]} rows; at most {ConfigFields.MaxVocab} are supported.");
        }

        bool listed = file.Metadata.Contains("tokenizer.ggml.tokens");
        long tokens = listed ? file.Metadata.TypeOf("tokenizer.ggml.tokens").Count : 0;
        return fields.Count("vocab_size", ConfigFields.MaxVocab, tokens is > 0 and <= ConfigFields.MaxVocab ? (int)tokens : null);
    }

    static RopeConfig Rope(GgufFields fields, Family family, int headDim)
    {
        // Files of vision models split the rotated pairs between time, height and width. For those the converter has
        // reordered the rows of q and k from interleaved to half-split pairs.
        bool sections = fields.Integers("rope.dimension_sections") is { } sizes && sizes.Any(size => size != 0);
        int dims = fields.Count("rope.dimension_count", ConfigFields.MaxHeadDim, headDim);
        float factor = fields.Has("rope.scaling.factor") || !fields.Has("rope.scale_linear")
            ? Factor(fields, "rope.scaling.factor")
            : Factor(fields, "rope.scale_linear");
        float scale = fields.Text("rope.scaling.type") switch
        {
            null or "linear" => 1 / factor,
            "none" => 1,
            string type => throw fields.Error("rope.scaling.type", $"'{type}' is not supported; supported are none and linear."),
        };
        return new RopeConfig(sections ? RopePairing.Half : family.Pairing, dims, fields.Positive("rope.freq_base", ConfigFields.MaxRopeBase, 10000)) { PositionScale = scale };
    }

    /// <summary>A scaling factor; files that have none may say 0.</summary>
    static float Factor(GgufFields fields, string field) => fields.IsZero(field) ? 1 : fields.Positive(field, ConfigFields.MaxFactor, 1);

    static ExpertsConfig? Experts(GgufFields fields, Family family)
    {
        int count = fields.CountOrZero("expert_count", ConfigFields.MaxExperts);
        bool sigmoid = family.Architecture == "glm4moe";
        if (!sigmoid && family.Architecture != "qwen3moe")
        {
            return count == 0 ? null : throw fields.Error("expert_count", $"is {count}; {family.Name} with experts is not supported.");
        }

        int gating = fields.CountOrZero("expert_gating_func", 255);
        if (gating != 0 && gating != (sigmoid ? 2 : 1))
        {
            throw fields.Error("expert_gating_func", $"is {gating}, which {family.Name} does not use; 1 is softmax, 2 sigmoid.");
        }

        if (fields.CountOrZero("expert_group_count", ConfigFields.MaxExperts) > 1)
        {
            throw fields.Error("expert_group_count", "experts chosen group by group are not supported.");
        }

        int used = fields.Count("expert_used_count", ConfigFields.MaxExperts);
        int inner = fields.Count("expert_feed_forward_length", ConfigFields.MaxInner, sigmoid ? null : Math.Max(fields.Count("feed_forward_length", ConfigFields.MaxInner) / used, 1));
        ExpertsConfig experts = new()
        {
            Count = fields.Count("expert_count", ConfigFields.MaxExperts),
            Used = used,
            Inner = inner,
            SharedInner = Shared(fields, inner),
            DenseLayers = fields.CountOrZero("leading_dense_block_count", ConfigFields.MaxLayers),
            Renormalise = fields.Bool("expert_weights_norm", !sigmoid),
            Scale = Factor(fields, "expert_weights_scale"),
        };
        return ConfigRules.Checked(experts, fields, "expert_used_count");
    }

    static int Shared(GgufFields fields, int inner)
    {
        int count = fields.CountOrZero("expert_shared_count", ConfigFields.MaxExperts);
        return (long)count * inner <= ConfigFields.MaxInner
            ? count * inner
            : throw fields.Error("expert_shared_count", $"is {count}; so many shared experts of width {inner} are wider than {ConfigFields.MaxInner}.");
    }

    sealed record Family(string Name, string Architecture, RopePairing Pairing);
}
