using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using static OpenAutoGlm.Graph.Formats.TensorFormat;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// Which format each tensor gets by a fixed rule: one for all matrices, or one of the mixtures that llama.cpp's quantiser
/// made the field's standard (Q4_K_M and its kin), which keep what matters more on average in a better format. Rows that do
/// not divide into blocks fall back by <see cref="BlockFormat.Fitting"/>.
/// </summary>
public sealed class FormatMixture
{
    static readonly MixtureRule BetterOutput = new("output", LayerRun.All, Q6_K);

    readonly TensorFormat _base;
    readonly ImmutableArray<MixtureRule> _rules; // the first that covers a tensor counts

    FormatMixture(string name, TensorFormat mostly, uint fileType, params ReadOnlySpan<MixtureRule> rules)
    {
        Name = name;
        _base = mostly;
        FileType = fileType;
        _rules = [.. rules];
    }

    /// <summary>Every rule there is; uniform ones first.</summary>
    public static ImmutableArray<FormatMixture> All { get; } =
    [
        Uniform(F32, 0), Uniform(F16, 1), Uniform(BF16, 32), Uniform(Q8_0, 7),
        Uniform(Q6_K, 18), Uniform(Q5_K, 16), Uniform(Q5_0, 8), Uniform(Q5_1, 9),
        Uniform(Q4_K, 14), Uniform(Q4_0, 2), Uniform(Q4_1, 3), Uniform(IQ4_NL, 25), Uniform(IQ4_XS, 30), Uniform(MXFP4, 38),
        Uniform(Q3_K, 11), Uniform(Q2_K, 10),
        new("Q5_K_M", Q5_K, 17, BetterOutput, new("attn_v", LayerRun.Outer, Q6_K), new("ffn_down", LayerRun.Outer, Q6_K)),
        new("Q5_K_S", Q5_K, 16, BetterOutput),
        new("Q4_K_M", Q4_K, 15, BetterOutput, new("attn_v", LayerRun.Outer, Q6_K), new("ffn_down", LayerRun.Outer, Q6_K)),
        new("Q4_K_S", Q4_K, 14, BetterOutput, new("attn_v", LayerRun.FirstFour, Q5_K), new("ffn_down", LayerRun.FirstEighth, Q5_K)),
        new("IQ4_XS-mix", IQ4_XS, 30, BetterOutput, new("attn_v", LayerRun.All, Q5_K, LeastSharing: 4), new("ffn_down", LayerRun.FirstEighth, Q5_K)),
        new("MXFP4_MOE", Q8_0, 38, new MixtureRule("exps", LayerRun.All, MXFP4)),
        new("Q3_K_L", Q3_K, 13, BetterOutput, new("attn_v", LayerRun.All, Q5_K), new("ffn_down", LayerRun.All, Q5_K), new("attn_output", LayerRun.All, Q5_K)),
        new("Q3_K_M", Q3_K, 12, BetterOutput,
            new("attn_v", LayerRun.FirstTwo, Q5_K), new("attn_v", LayerRun.All, Q4_K),
            new("ffn_down", LayerRun.FirstSixteenth, Q5_K), new("ffn_down", LayerRun.All, Q4_K), new("attn_output", LayerRun.All, Q4_K)),
        new("Q3_K_S", Q3_K, 11, BetterOutput),
        new("Q2_K-mix", Q2_K, 10, BetterOutput,
            new("attn_v", LayerRun.All, Q4_K, LeastSharing: 4), new("attn_v", LayerRun.All, Q3_K),
            new("ffn_down", LayerRun.All, Q3_K), new("attn_output", LayerRun.All, Q3_K)),
    ];

    /// <summary>The names of all.</summary>
    public static IReadOnlyList<string> Names => [.. All.Select(mixture => mixture.Name)];

    /// <summary>The spelling by which the mixture is asked for.</summary>
    public string Name { get; }

    /// <summary>The number that general.file_type has for it.</summary>
    public uint FileType { get; }

    /// <summary>Whether all matrices get the same format.</summary>
    public bool IsUniform => _rules.IsEmpty;

    /// <summary>Finds a mixture by name, in upper or lower case.</summary>
    /// <exception cref="ArgumentException">There is no such mixture; the message lists all.</exception>
    public static FormatMixture Find(string name) => All.FirstOrDefault(mixture => mixture.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"Models are not made in the format '{name}'; known are {string.Join(", ", Names)}.", nameof(name));

    /// <summary>The format of a weight; null for norms, biases and routers, which stay as they are.</summary>
    /// <param name="name">The name as GGUF files have it, such as blk.0.attn_v.weight.</param>
    /// <param name="extents">Extents, slowest first.</param>
    /// <param name="config">The model that it belongs to.</param>
    public TensorFormat? For(string name, ReadOnlySpan<int> extents, ModelConfig config)
    {
        bool isMatrix = extents.Length >= 2 && name.EndsWith(".weight", StringComparison.Ordinal)
            && !name.Contains("norm", StringComparison.Ordinal) && !name.Contains("ffn_gate_inp", StringComparison.Ordinal);
        if (!isMatrix)
        {
            return null;
        }

        string[] parts = name.Split('.');
        int layer = parts.Length > 2 && parts[0] == "blk" && int.TryParse(parts[1], out int number) ? number : -1;
        return Choose(parts[^2], layer, extents[^1], config);
    }

    /// <summary>The format of a tensor that is to be made; F32 for norms, biases and routers.</summary>
    internal TensorFormat For(PlannedTensor tensor, ModelConfig config) =>
        tensor.Role is TensorRole.Matrix or TensorRole.Vocabulary ? Choose(tensor.Kind, tensor.Layer, tensor.Extents[^1], config) : F32;

    TensorFormat Choose(string kind, int layer, int rowLength, ModelConfig config)
    {
        TensorFormat chosen = _base;
        foreach (MixtureRule rule in _rules)
        {
            if (rule.Covers(kind, layer, config.Layers, config.Heads, config.KvHeads, config.TiedEmbeddings))
            {
                chosen = rule.Format;
                break;
            }
        }

        return BlockFormat.Fitting(chosen, rowLength);
    }

    static FormatMixture Uniform(TensorFormat format, uint fileType) => new(format.ToString(), format, fileType);
}
