using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine.Simulation;

/// <summary>
/// Stands in for a model: it remembers, in the places that the engine gives it, a hash of everything that stood before, says the next
/// token as a function of that hash, and takes virtual time. An engine that mixes up blocks, positions or rows gives other answers than
/// <see cref="Expected"/>, or is caught when a place that it should have kept holds something else.
/// </summary>
sealed class SimulatedModel : IModelRunner
{
    const int Probes = 2; // earlier places that are checked for every token that runs

    readonly VirtualClock _clock;
    readonly StepCosts _costs;
    readonly SlotMemory _memory;
    readonly ConditionalWeakTable<Sequence, List<ulong>> _chains = [];
    readonly float[] _row;
    readonly List<(ulong Chain, int Token, bool IsPoisoned)> _outputs = [];
    readonly Random _probe = new(1);

    internal SimulatedModel(EngineLimits limits, VirtualClock clock, StepCosts costs)
    {
        Limits = limits;
        _clock = clock;
        _costs = costs;
        _memory = new SlotMemory(limits.BlockCount, limits.BlockTokens);
        Pool = new KvPool(limits.BlockCount, limits.BlockTokens, _memory);
        _row = new float[limits.Vocab];
    }

    public EngineLimits Limits { get; }

    public KvPool Pool { get; }

    /// <summary>Asked before every batch; true makes the step fail half-way.</summary>
    internal Func<Batch, bool> Fails { get; set; } = _ => false;

    /// <summary>Asked for every sequence in a batch; true makes its logits no numbers.</summary>
    internal Func<Sequence, bool> IsPoisoned { get; set; } = _ => false;

    /// <summary>By how much the token is off that it says; a model that guesses for another is wrong now and then.</summary>
    internal Func<ulong, int> Error { get; set; } = _ => 0;

    public void Run(Batch batch)
    {
        _outputs.Clear();
        long attended = 0;
        bool fails = Fails(batch);
        int rows = 0;
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            Require(entry.FirstOutput == rows && entry.Outputs <= entry.Count && entry.Count > 0, "the rows of a batch do not follow one another");
            rows += entry.Outputs;
            List<ulong> chain = ChainOf(entry.Sequence);
            bool poisoned = IsPoisoned(entry.Sequence);
            for (int i = 0; i < entry.Count; i++)
            {
                int position = entry.Start + i;
                ulong before = position == 0 ? 0 : _memory[SlotOf(entry.Sequence, position - 1)];
                ulong now = Mix(before, entry.Sequence.TokenAt(position), position);
                _memory[SlotOf(entry.Sequence, position)] = now;
                if (i >= entry.Count - entry.Outputs)
                {
                    int token = (NextOf(now, entry.Sequence.TokenAt(position), Limits.Vocab) + Error(now)) % Limits.Vocab;
                    _outputs.Add((now, token, poisoned));
                }
            }

            Probe(entry, chain);
            attended += (long)entry.Count * (entry.Start + entry.Count);
            if (fails)
            {
                throw new InvalidOperationException("The simulated step failed.");
            }
        }

        Require(batch.Tokens <= Limits.MaxTokens && batch.Outputs == rows && rows <= Limits.MaxOutputs, "a batch is larger than it may be");
        _clock.Advance(TimeSpan.FromSeconds(_costs.Of(batch.Tokens, batch.Entries.Length, attended)));
    }

    public ReadOnlySpan<float> Logits(int output)
    {
        (ulong chain, int token, bool isPoisoned) = _outputs[output];
        Fill(_row, chain, token);
        _row[token] = isPoisoned ? float.NaN : _row[token];
        return _row;
    }

    public string PrintPlan() => "simulated";

    public void Dispose() => Pool.Dispose();

    /// <summary>What a greedy sequence must come to.</summary>
    internal static void Expected(List<int> tokens, int more, int vocab)
    {
        ulong chain = 0;
        for (int position = 0; position < tokens.Count; position++)
        {
            chain = Mix(chain, tokens[position], position);
        }

        for (; more > 0; more--)
        {
            tokens.Add(NextOf(chain, tokens[^1], vocab));
            chain = Mix(chain, tokens[^1], tokens.Count - 1);
        }
    }

    /// <summary>The logits after some tokens, as a model without memory would have them.</summary>
    internal static void LogitsAfter(ReadOnlySpan<int> tokens, Span<float> row)
    {
        ulong chain = 0;
        for (int position = 0; position < tokens.Length; position++)
        {
            chain = Mix(chain, tokens[position], position);
        }

        Fill(row, chain, NextOf(chain, tokens[^1], row.Length));
    }

    /// <summary>The token that is said stands out, and no two of the others are alike.</summary>
    static void Fill(Span<float> row, ulong chain, int token)
    {
        for (int other = 0; other < row.Length; other++)
        {
            row[other] = (Mix(chain, other, 1 << 30) >> 44) * (4f / (1 << 20));
        }

        row[token] = 5;
    }

    static ulong Mix(ulong before, int token, int position)
    {
        ulong mixed = (before ^ ((ulong)(uint)token << 32) ^ (uint)position) * 0x9E3779B97F4A7C15;
        mixed ^= mixed >> 29;
        mixed *= 0xBF58476D1CE4E5B9;
        return mixed ^ (mixed >> 32);
    }

    // Three times in four it counts on, so that texts repeat themselves and guesses are right now and then.
    static int NextOf(ulong chain, int last, int vocab) => (chain & 3) == 0 ? (int)((chain >> 2) % (ulong)vocab) : (last + 1) % vocab;

    static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new SimulationException($"In the simulated model {otherwise}.");
        }
    }

    int SlotOf(Sequence sequence, int position) =>
        (sequence.Blocks.Blocks[position / Limits.BlockTokens] * Limits.BlockTokens) + (position % Limits.BlockTokens);

    /// <summary>Checks some of the places before an entry's: what stands there is what the sequence says.</summary>
    void Probe(in BatchEntry entry, List<ulong> chain)
    {
        int first = Limits.Window > 0 ? Math.Max(0, entry.Start - Limits.Window + 1) : 0;
        for (int probe = 0; probe < Probes && entry.Start > first; probe++)
        {
            int position = _probe.Next(first, entry.Start);
            if (_memory[SlotOf(entry.Sequence, position)] != chain[position])
            {
                throw new SimulationException($"Sequence {entry.Sequence.Id} attends to position {position}, where something else stands than its own tokens.");
            }
        }
    }

    List<ulong> ChainOf(Sequence sequence)
    {
        List<ulong> chain = _chains.GetOrCreateValue(sequence);
        ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(sequence.Tokens);
        for (int position = chain.Count; position < tokens.Length; position++)
        {
            chain.Add(Mix(position == 0 ? 0 : chain[^1], tokens[position], position));
        }

        return chain;
    }

    /// <summary>A hash for every place.</summary>
    sealed class SlotMemory(int blockCount, int blockTokens) : IBlockMemory
    {
        readonly ulong[] _slots = new ulong[(long)blockCount * blockTokens];

        internal ulong this[int slot]
        {
            get => _slots[slot];
            set => _slots[slot] = value;
        }

        public long BlockBytes => (long)blockTokens * sizeof(ulong);

        public void Copy(int from, int to) => Block(from).CopyTo(Block(to));

        public void Read(int block, Span<byte> bytes) => MemoryMarshal.AsBytes(Block(block)).CopyTo(bytes);

        public void Write(int block, ReadOnlySpan<byte> bytes) => bytes.CopyTo(MemoryMarshal.AsBytes(Block(block)));

        public void Dispose()
        {
        }

        Span<ulong> Block(int block) => _slots.AsSpan(block * blockTokens, blockTokens);
    }
}

/// <summary>A simulation found that something does not hold that always must.</summary>
public sealed class SimulationException(string message, Exception? inner = null) : Exception(message, inner);
