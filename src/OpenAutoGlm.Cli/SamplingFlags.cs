using System.CommandLine;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Cli;

/// <summary>The flags that say how tokens are chosen, and how many.</summary>
sealed class SamplingFlags
{
    readonly Option<int?> _maxTokens = Flags.Int("--max-tokens", "Longest answer in tokens. Default: the rest of the context.", 1, int.MaxValue, "-n");
    readonly Option<float?> _temperature = Flags.Number("--temperature", "0 always takes the likeliest token; more is more varied.", 0, float.MaxValue);
    readonly Option<float?> _topP = Flags.Number("--top-p", "Fewest tokens whose probabilities add up to this.", float.Epsilon, 1);
    readonly Option<int?> _topK = Flags.Int("--top-k", "As many of the likeliest tokens; 0 for all.", 0, int.MaxValue);
    readonly Option<ulong?> _seed = Flags.Seed();

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_maxTokens, _temperature, _topP, _topK, _seed];

    /// <summary>Most tokens; null for the rest of the context.</summary>
    public int? MaxTokens(ParseResult arguments) => arguments.GetValue(_maxTokens);

    /// <summary>What the flags say, and where they say nothing, what is given.</summary>
    public SamplingOptions Read(ParseResult arguments, SamplingOptions otherwise) => otherwise with
    {
        Temperature = arguments.GetValue(_temperature) ?? otherwise.Temperature,
        TopP = arguments.GetValue(_topP) ?? otherwise.TopP,
        TopK = arguments.GetValue(_topK) ?? otherwise.TopK,
        Seed = arguments.GetValue(_seed),
    };
}
