using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using KvMemory = OpenAutoGlm.Engine.Kv.KvMemory;

namespace OpenAutoGlm.Benchmarks;

/// <summary>What looking a prompt of 4,096 tokens up costs, and what following a sequence costs a step.</summary>
static class PrefixCacheBenchmark
{
    const int BlockTokens = 32;
    const int PromptTokens = 4096;
    const int OtherPrompts = 100;

    internal static void Run()
    {
        using KvPool pool = new((OtherPrompts + 2) * PromptTokens / BlockTokens, BlockTokens, []);
        KvMemory memory = new(pool, new PrefixCacheOptions());
        BlockTable table = new();
        for (int prompt = 0; prompt <= OtherPrompts; prompt++)
        {
            memory.TryGrow(table, PromptTokens);
            memory.Keep(table, Prompt(prompt), default);
            memory.Release(table);
        }

        int[] known = [.. Prompt(7), 1];
        int[] unknown = [.. Prompt(OtherPrompts + 1), 1];
        int[] half = [.. Prompt(8).AsSpan(0, PromptTokens / 2), .. unknown.AsSpan(0, PromptTokens / 2), 1];
        PrefixHash hash = PrefixHash.Random();
        Print("a lookup without any hit", 200_000, () => Attach(unknown));
        Print("a lookup with half a hit", 4_000, () => Attach(half));
        Print("a lookup with a full hit", 2_000, () => Attach(known));
        Print("a hash of a block", 200_000, () => hash.Of(1, known.AsSpan(0, BlockTokens)));
        memory.TryGrow(table, PromptTokens + BlockTokens);
        memory.Keep(table, unknown.AsSpan(0, PromptTokens), default);
        Print("following a sequence for a step", 1_000_000, () => memory.Keep(table, unknown, default));

        void Attach(int[] tokens)
        {
            memory.Attach(table, tokens, default);
            memory.Release(table);
        }
    }

    /// <summary>How fast blocks of a model of 9 billion weights (40 layers, 2 KV heads of 128, BF16) go to a file and come back.</summary>
    internal static void RunStore(string path)
    {
        const int Blocks = 64;
        GraphBuilder graph = new("states");
        Value[] states = [.. Enumerable.Range(0, 80).Select(i => graph.State($"{i}", KvLayout.StateType(TensorFormat.BF16, 2, BlockTokens, 128)))];
        using KvPool pool = new(Blocks, BlockTokens, states);
        using KvMemory memory = new(pool, new PrefixCacheOptions { StorePath = path, StoreBytes = 1 << 30 });
        BlockTable table = new();
        for (int round = 0; round < 3; round++)
        {
            for (int prompt = 0; prompt < 4; prompt++)
            {
                memory.Attach(table, Prompt(prompt).AsSpan(0, Blocks * BlockTokens), default);
                memory.TryGrow(table, Blocks * BlockTokens);
                memory.Keep(table, Prompt(prompt).AsSpan(0, Blocks * BlockTokens), default);
                memory.Release(table);
            }
        }

        BlockStoreStatistics store = memory.Statistics.Store!;
        Console.WriteLine($"blocks of {pool.Memory.BlockBytes:N0} bytes: {store.Written} written at {store.WriteBytesPerSecond / 1e6:N0} MB/s, {store.Promoted} read at {store.ReadBytesPerSecond / 1e6:N0} MB/s; {store.Problem}");
    }

    static void Print(string what, int calls, Action act)
    {
        double best = double.PositiveInfinity;
        for (int round = 0; round < 12; round++)
        {
            double start = MatMulBenchmark.Clock(1);
            for (int i = 0; i < calls; i++)
            {
                act();
            }

            best = Math.Min(best, (MatMulBenchmark.Clock(1) - start) / calls);
        }

        Console.WriteLine($"{what}: {best * 1e9:N1} ns");
    }

    static int[] Prompt(int number) => [.. Enumerable.Range(0, PromptTokens).Select(i => ((number * 7919) + (i * 31)) % 150_000)];
}
