using System.Text.Json;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine;

/// <summary>
/// An hour of conversations with a public service, as Mooncake published it: for every request the ids of its blocks of
/// 512 tokens, equal where the tokens are equal from the start. A block stands here for one of 16 tokens, which changes
/// nothing but the time that the test takes. Outputs are not in the trace.
/// Source: Qin et al. 2025, "Mooncake", the trace conversation_trace.jsonl.
/// </summary>
public class MooncakeTests(ITestOutputHelper output)
{
    const int TraceTokens = 512;
    const int BlockTokens = 16;

    // What a program of ten lines with a set of ids counts: tokens that somebody sent before, whole blocks, never the last token.
    const long HitsWithoutLimit = 54_063_104;
    const long Asked = 144_793_823;

    [Fact]
    public void A_fifth_of_the_memory_gives_95_percent_of_the_hits_of_an_infinite_cache()
    {
        Request[] requests = Load(SharedData.Path("traces", "mooncake", "conversation_trace.jsonl"));
        Assert.Equal(Asked, requests.Sum(request => (long)request.Length));
        Assert.Equal(HitsWithoutLimit, Replay(requests, blocks: 180_000, out _));
        foreach ((int blocks, double least) in ((int, double)[])[(4_000, 0.20), (8_000, 0.45), (16_000, 0.70), (24_000, 0.84), (32_000, 0.915), (36_000, 0.95), (48_000, 0.965)])
        {
            long hits = Replay(requests, blocks, out PrefixCacheStatistics statistics);
            double share = hits / (double)HitsWithoutLimit;
            output.WriteLine(
                $"{blocks,7:N0} blocks: {hits / (double)Asked,6:P1} of all tokens, {share,6:P1} of what an infinite cache hits; {statistics.Evictions:N0} evictions, misses {statistics.MissesNeverSeen:N0} never seen, {statistics.MissesEvicted:N0} evicted");
            Assert.True(share >= least, $"{blocks} blocks: {share:P1}");
        }
    }

    static long Replay(Request[] requests, int blocks, out PrefixCacheStatistics statistics)
    {
        using KvPool pool = new(blocks, BlockTokens, []);
        KvMemory memory = new(pool, new PrefixCacheOptions());
        BlockTable table = new();
        long hits = 0;
        foreach (Request request in requests)
        {
            hits += memory.Attach(table, request.Tokens, default) / BlockTokens * TraceTokens;
            if (memory.TryGrow(table, request.Tokens.Length))
            {
                memory.Keep(table, request.Tokens, default);
            }

            memory.Release(table);
        }

        memory.CheckInvariants([]);
        statistics = memory.Statistics;
        return hits;
    }

    static Request[] Load(string path)
    {
        List<Request> requests = [];
        foreach (string line in File.ReadLines(path))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            int length = json.RootElement.GetProperty("input_length").GetInt32();
            int full = length / TraceTokens;
            int rest = Math.Clamp((length % TraceTokens * BlockTokens) / TraceTokens, length % TraceTokens == 0 ? 0 : 1, BlockTokens - 1);
            int[] tokens = new int[(full * BlockTokens) + rest];
            int at = 0;
            foreach (JsonElement id in json.RootElement.GetProperty("hash_ids").EnumerateArray())
            {
                for (int i = 0; i < BlockTokens && at < tokens.Length; i++)
                {
                    tokens[at++] = (id.GetInt32() * BlockTokens) + i;
                }
            }

            requests.Add(new Request(length, tokens));
        }

        return [.. requests];
    }

    sealed record Request(int Length, int[] Tokens);
}
