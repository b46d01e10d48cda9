using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine;

/// <summary>A model that says what it is told: one script of tokens for each sample index, and then the last one for ever.</summary>
sealed class ScriptedRunner(int vocab, params int[][] scripts) : IModelRunner
{
    readonly List<float[]> _logits = [];

    internal bool Fails { get; set; }

    public EngineLimits Limits { get; } = new(vocab, ContextLength: 512, BlockTokens: 4, BlockCount: 1024, MaxSequences: 8, MaxTokens: 64);

    public KvPool Pool { get; } = new(1024, 4, []);

    public void Run(Batch batch)
    {
        if (Fails)
        {
            throw new InvalidOperationException("The kernel failed.");
        }

        _logits.Clear();
        foreach (BatchEntry entry in batch.Entries)
        {
            int[] script = scripts[entry.Sequence.Request.SampleIndex % scripts.Length];
            for (int output = 0; output < entry.Outputs; output++)
            {
                float[] row = new float[vocab];
                row[script[Math.Min(entry.Sequence.GeneratedCount + output, script.Length - 1)]] = 40;
                _logits.Add(row);
            }
        }
    }

    public ReadOnlySpan<float> Logits(int output) => _logits[output];

    public string PrintPlan() => "script";

    public void Dispose() => Pool.Dispose();
}
