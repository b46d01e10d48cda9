using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>
/// The hyper-parameters of a decoder-only language model, in one vocabulary whatever file they came from. Every
/// value has been checked: counts are positive, heads divide evenly, sizes fit in memory arithmetic.
/// </summary>
public sealed record ModelConfig
{
    /// <summary>The name of the architecture: llama, qwen2, qwen3, qwen3moe, glm, glm4, glm4moe.</summary>
    public required string Architecture { get; init; }

    /// <summary>Decoder layers. Layers that only predict further tokens (GLM-4.5's nextn) are not counted.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Hidden { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Width of the dense feed-forward network.</summary>
    public required int Inner { get; init; }

    /// <summary>Rows of the embedding table.</summary>
    public required int Vocab { get; init; }

    /// <summary>Longest sequence that the model was made for, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>ε of the RMS norms.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Rotary position embedding.</summary>
    public required RopeConfig Rope { get; init; }

    /// <summary>Mixture of experts; null for a dense model.</summary>
    public ExpertsConfig? Experts { get; init; }

    /// <summary>Tokens that a position may look back on, itself included; 0 for all of them.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Whether the output projection is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Bytes of key and value memory that one token takes, stored in a format.</summary>
    public long KvBytesPerToken(TensorFormat format) => 2L * Layers * KvLayout.BytesPerToken(format, KvHeads, HeadDim);
}

/// <summary>How positions turn queries and keys.</summary>
/// <param name="Pairing">Which two elements of a head turn together.</param>
/// <param name="Dims">How many elements of a head turn, from the first on.</param>
/// <param name="Base">θ: pair i turns by position · θ^(−2i/Dims).</param>
public sealed record RopeConfig(RopePairing Pairing, int Dims, float Base)
{
    /// <summary>Positions are multiplied by this (linear scaling; 1 for none).</summary>
    public float PositionScale { get; init; } = 1;

    /// <summary>Llama-3's frequency scaling, where the configuration states it; null otherwise.</summary>
    public Llama3RopeScaling? Llama3 { get; init; }
}

/// <summary>
/// Llama-3.1's rule: frequencies whose wavelength exceeds OriginalContext / LowFactor are divided by Factor, those
/// below OriginalContext / HighFactor kept, those between blended. Source: the Llama 3.1 model card.
/// </summary>
public sealed record Llama3RopeScaling(float Factor, float LowFactor, float HighFactor, int OriginalContext)
{
    /// <summary>What each pair's frequency is divided by: [Dims / 2].</summary>
    public float[] Factors(RopeConfig rope)
    {
        float[] factors = new float[rope.Dims / 2];
        for (int i = 0; i < factors.Length; i++)
        {
            double wavelength = 2 * Math.PI * Math.Pow(rope.Base, 2.0 * i / rope.Dims);
            double blend = ((OriginalContext / wavelength) - LowFactor) / (HighFactor - LowFactor);
            factors[i] = (float)(wavelength < OriginalContext / HighFactor ? 1
                : wavelength > OriginalContext / LowFactor ? Factor
                : 1 / (((1 - blend) / Factor) + blend));
        }

        return factors;
    }
}

/// <summary>The expert layers of a mixture-of-experts model.</summary>
public sealed record ExpertsConfig
{
    /// <summary>Experts in a layer.</summary>
    public required int Count { get; init; }

    /// <summary>Experts that a token visits.</summary>
    public required int Used { get; init; }

    /// <summary>Width of one expert.</summary>
    public required int Inner { get; init; }

    /// <summary>Width of the shared experts together; 0 for none.</summary>
    public int SharedInner { get; init; }

    /// <summary>Layers at the start that have a dense feed-forward network instead.</summary>
    public int DenseLayers { get; init; }

    /// <summary>Whether the weights of the chosen experts are divided by their sum.</summary>
    public bool Renormalise { get; init; } = true;

    /// <summary>Factor on the weights of the chosen experts.</summary>
    public float Scale { get; init; } = 1;
}
