using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>
/// What a memory without end would save of each prompt: the beginning that stood in an earlier request of the trace, in
/// whole blocks of the engine's and without the last token, whose logits have to be computed. No policy finds more.
/// </summary>
static class EndlessCache
{
    /// <summary>Tokens of every prompt that would be found.</summary>
    internal static int[] ReusableTokens(Trace trace, int blockTokens)
    {
        Dictionary<long, int> known = []; // by name: how much of the block has been seen
        int[] reusable = new int[trace.Requests.Length];
        for (int i = 0; i < reusable.Length; i++)
        {
            TraceRequest request = trace.Requests[i];
            int tokens = 0;
            bool follows = true;
            for (int block = 0; block < request.Blocks.Length; block++)
            {
                int there = Math.Min(trace.BlockTokens, request.PromptTokens - (block * trace.BlockTokens));
                int seen = known.GetValueOrDefault(request.Blocks[block]);
                tokens += follows ? Math.Min(there, seen) : 0;
                follows &= seen >= there;
                known[request.Blocks[block]] = Math.Max(there, seen);
            }

            tokens = Math.Min(tokens, request.PromptTokens - 1);
            reusable[i] = tokens - (tokens % blockTokens);
        }

        return reusable;
    }
}
