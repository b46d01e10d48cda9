using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine;

/// <summary>
/// A model that remembers, in the places that the engine gives it, which token stood at which position, and says the
/// next token as a hash of all that it remembers. So an engine that mixes up blocks, positions or rows gives other
/// answers, and <see cref="Expected"/> knows the right ones. It can be told to fail.
/// </summary>
sealed class FakeRunner : IModelRunner
{
    readonly FakeMemory _memory; // by slot: position and token
    readonly List<float[]> _logits = [];

    internal FakeRunner(int blockCount, int maxSequences = 4, int maxTokens = 16, int blockTokens = 4, int context = 64, int vocab = 32)
    {
        Limits = new EngineLimits(vocab, context, blockTokens, blockCount, maxSequences, maxTokens);
        _memory = new FakeMemory(blockCount, blockTokens);
        Pool = new KvPool(blockCount, blockTokens, _memory);
    }

    public EngineLimits Limits { get; }

    public KvPool Pool { get; }

    /// <summary>Asked before every batch; true makes it throw.</summary>
    internal Func<Batch, bool> Fails { get; set; } = _ => false;

    /// <summary>Asked for every row; true makes its logits NaN.</summary>
    internal Func<Sequence, bool> IsPoisoned { get; set; } = _ => false;

    internal List<int> TokensOfSteps { get; } = [];

    public void Run(Batch batch)
    {
        TokensOfSteps.Add(batch.Tokens);
        Assert.InRange(batch.Tokens, 1, Limits.MaxTokens);
        Assert.InRange(batch.Outputs, 0, Limits.MaxOutputs);
        _logits.Clear();
        bool fails = Fails(batch);
        foreach (BatchEntry entry in batch.Entries)
        {
            for (int i = 0; i < entry.Count; i++)
            {
                int position = entry.Start + i;
                _memory[Slot(entry, position)] = ((long)position << 32) | (uint)entry.Sequence.TokenAt(position);
                if (i >= entry.Count - entry.Outputs)
                {
                    _logits.Add(Row(Remembered(entry, position), entry.Sequence));
                }
            }

            if (fails)
            {
                throw new InvalidOperationException("The kernel failed.");
            }
        }

        Assert.Equal(batch.Outputs, _logits.Count);
    }

    public ReadOnlySpan<float> Logits(int output) => _logits[output];

    public string PrintPlan() => "fake";

    public void Dispose() => Pool.Dispose();

    /// <summary>What a greedy sequence must come to.</summary>
    internal int[] Expected(IEnumerable<int> prompt, int maxTokens)
    {
        List<int> tokens = [.. prompt];
        int length = tokens.Count;
        while (tokens.Count < length + maxTokens)
        {
            tokens.Add(Next(tokens));
        }

        return [.. tokens[length..]];
    }

    int Slot(BatchEntry entry, int position) =>
        (entry.Sequence.Blocks.Blocks[position / Limits.BlockTokens] * Limits.BlockTokens) + (position % Limits.BlockTokens);

    int[] Remembered(BatchEntry entry, int last)
    {
        int[] tokens = new int[last + 1];
        for (int position = 0; position <= last; position++)
        {
            long memory = _memory[Slot(entry, position)];
            Assert.Equal(position, memory >> 32);
            tokens[position] = (int)memory;
        }

        return tokens;
    }

    float[] Row(int[] tokens, Sequence sequence)
    {
        float[] row = new float[Limits.Vocab];
        row[Next(tokens)] = IsPoisoned(sequence) ? float.NaN : 5;
        return row;
    }

    int Next(IEnumerable<int> tokens)
    {
        uint hash = 2166136261;
        foreach (int token in tokens)
        {
            hash = (hash ^ (uint)token) * 16777619;
            hash ^= hash >> 13;
        }

        return (int)(hash % (uint)Limits.Vocab);
    }
}
