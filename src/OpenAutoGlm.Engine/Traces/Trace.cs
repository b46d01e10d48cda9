using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Traces;

/// <summary>Who wrote a trace.</summary>
public enum TraceFormat
{
    /// <summary>CSV with the columns TIMESTAMP, ContextTokens, GeneratedTokens. Source: Patel et al. 2024, Splitwise.</summary>
    Azure,

    /// <summary>JSON lines with timestamp in milliseconds, input_length, output_length and hash_ids of 512 tokens each. Source: Qin et al. 2025, Mooncake.</summary>
    Mooncake,

    /// <summary>JSON lines with arrival in seconds, prompt_tokens, output_tokens, and blocks if they are known; what bench serve writes as records.</summary>
    OpenAutoGlm,
}

/// <summary>What a service was asked over some time: requests in the order of their arrival, the first at zero.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Format">Who wrote it.</param>
/// <param name="BlockTokens">Tokens that a name in <see cref="TraceRequest.Blocks"/> stands for.</param>
/// <param name="Requests">The requests.</param>
public sealed record Trace(string Name, TraceFormat Format, int BlockTokens, ImmutableArray<TraceRequest> Requests)
{
    /// <summary>From the first arrival to the last.</summary>
    public TimeSpan Duration => Requests.IsEmpty ? TimeSpan.Zero : Requests[^1].Arrival;

    /// <summary>Tokens of all prompts.</summary>
    public long PromptTokens => Requests.Sum(request => (long)request.PromptTokens);

    /// <summary>Tokens of all answers.</summary>
    public long OutputTokens => Requests.Sum(request => (long)request.OutputTokens);

    /// <summary>The same requests, nearer together or further apart: every arrival is multiplied by the scale.</summary>
    /// <param name="scale">0.5 makes the load twice as heavy. Above 0.</param>
    public Trace Scaled(double scale)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        return scale == 1 ? this : this with { Requests = [.. Requests.Select(request => request with { Arrival = request.Arrival * scale })] };
    }

    /// <summary>The first requests.</summary>
    public Trace First(int count) => count >= Requests.Length ? this : this with { Requests = Requests[..count] };

    /// <summary>The same requests, none longer than the limits; a prompt loses its end, and with it the names of the blocks there.</summary>
    /// <param name="promptTokens">The longest prompt.</param>
    /// <param name="outputTokens">The longest answer.</param>
    /// <param name="cut">How many requests were longer.</param>
    public Trace Capped(int promptTokens, int outputTokens, out int cut)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(promptTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputTokens, 1);
        cut = Requests.Count(request => request.PromptTokens > promptTokens || request.OutputTokens > outputTokens);
        return cut == 0 ? this : this with { Requests = [.. Requests.Select(Cap)] };

        TraceRequest Cap(TraceRequest request)
        {
            int prompt = Math.Min(request.PromptTokens, promptTokens);
            int blocks = Math.Min(request.Blocks.Length, (prompt + BlockTokens - 1) / BlockTokens);
            return request with { PromptTokens = prompt, OutputTokens = Math.Min(request.OutputTokens, outputTokens), Blocks = request.Blocks[..blocks] };
        }
    }

    /// <summary>
    /// The prompt of a request as parts that stand for made-up tokens: a part for each named block, so that requests
    /// share what they shared in the trace, and one part of its own where nothing is known.
    /// </summary>
    /// <param name="index">The request.</param>
    /// <param name="salt">Another salt makes other tokens everywhere.</param>
    public ImmutableArray<PromptPart> Prompt(int index, ulong salt)
    {
        TraceRequest request = Requests[index];
        if (request.Blocks.IsEmpty)
        {
            return [new PromptPart(PromptPart.Mix(salt, (ulong)index), request.PromptTokens)];
        }

        var parts = ImmutableArray.CreateBuilder<PromptPart>(request.Blocks.Length);
        int left = request.PromptTokens;
        foreach (long block in request.Blocks)
        {
            int tokens = Math.Min(left, BlockTokens);
            parts.Add(new PromptPart(PromptPart.Mix(~salt, (ulong)block), tokens));
            left -= tokens;
        }

        return parts.MoveToImmutable();
    }
}
