using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>
/// Stands in for a model where only time and memory matter: it computes nothing, says tokens that tell sequences apart, so
/// that nobody finds another one's answer in the cache, and takes virtual time.
/// </summary>
sealed class ReplayModel : IModelRunner
{
    /// <summary>Enough to tell one block of tokens from any other, and no more, since every row of logits is searched.</summary>
    internal const int Vocab = 32;

    readonly VirtualClock _clock;
    readonly StepCosts _costs;
    readonly float[] _row = new float[Vocab];
    readonly List<int> _tokens = [];
    int _raised;

    internal ReplayModel(EngineLimits limits, VirtualClock clock, StepCosts costs)
    {
        Limits = limits;
        _clock = clock;
        _costs = costs;
        Pool = new KvPool(limits.BlockCount, limits.BlockTokens, new NoMemory());
    }

    public EngineLimits Limits { get; }

    public KvPool Pool { get; }

    /// <summary>Is told of every step when its time is known: seconds, sequences.</summary>
    internal Action<double, int> Stepped { get; set; } = (_, _) => { };

    public void Run(Batch batch)
    {
        _tokens.Clear();
        long attended = 0;
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            attended += ((long)entry.Count * entry.Start) + ((long)entry.Count * (entry.Count + 1) / 2);
            for (int output = 0; output < entry.Outputs; output++)
            {
                int position = entry.Start + entry.Count - entry.Outputs + output;
                _tokens.Add((int)(Traces.PromptPart.Mix((ulong)entry.Sequence.Id, (ulong)position) % Vocab));
            }
        }

        double seconds = _costs.Of(batch.Tokens, batch.Entries.Length, attended);
        Stepped(seconds, batch.Entries.Length);
        _clock.Advance(TimeSpan.FromSeconds(seconds));
    }

    public ReadOnlySpan<float> Logits(int output)
    {
        _row[_raised] = 0;
        _raised = _tokens[output];
        _row[_raised] = 1;
        return _row;
    }

    public string PrintPlan() => "replayed";

    public void Dispose() => Pool.Dispose();

    sealed class NoMemory : IBlockMemory
    {
        public long BlockBytes => 0;

        public void Copy(int from, int to)
        {
        }

        public void Read(int block, Span<byte> bytes)
        {
        }

        public void Write(int block, ReadOnlySpan<byte> bytes)
        {
        }

        public void Dispose()
        {
        }
    }
}
