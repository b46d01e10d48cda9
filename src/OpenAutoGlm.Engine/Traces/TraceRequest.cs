using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Traces;

/// <summary>One request of a trace: when it came and how long it was. What it said is not in a trace.</summary>
/// <param name="Arrival">When it came, counted from the first request of the trace.</param>
/// <param name="PromptTokens">Tokens of the prompt, at least 1.</param>
/// <param name="OutputTokens">Tokens of the answer, at least 1.</param>
/// <param name="Blocks">
/// Names of the prompt's blocks of <see cref="Trace.BlockTokens"/> tokens, the last one perhaps partly filled. Two
/// requests with the same name at the same place share everything up to the end of that block. Empty where the trace
/// does not tell.
/// </param>
public readonly record struct TraceRequest(TimeSpan Arrival, int PromptTokens, int OutputTokens, ImmutableArray<long> Blocks);
