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
        HashSet<long> known = [];
        int[] reusable = new int[trace.Requests.Length];
        for (int i = 0; i < reusable.Length; i++)
        {
            TraceRequest request = trace.Requests[i];
            int blocks = 0;
            while (blocks < request.Blocks.Length && known.Contains(request.Blocks[blocks]))
            {
                blocks++;
            }

            long tokens = Math.Min(Math.Min((long)blocks * trace.BlockTokens, request.PromptTokens), request.PromptTokens - 1);
            reusable[i] = (int)(tokens - (tokens % blockTokens));
            known.UnionWith(request.Blocks);
        }

        return reusable;
    }
}
