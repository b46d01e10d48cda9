using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Answers;

/// <summary>Stands for a model that is too large for a test: it says one script of tokens, and then the last one for ever.</summary>
sealed class ScriptedModel(int vocab, int[] script) : IModelRunner
{
    readonly List<float[]> _logits = [];

    public EngineLimits Limits { get; } = new(vocab, ContextLength: 8192, BlockTokens: 16, BlockCount: 2048, MaxSequences: 2, MaxTokens: 512);

    public KvPool Pool { get; } = new(2048, 16, []);

    public void Run(Batch batch)
    {
        _logits.Clear();
        foreach (BatchEntry entry in batch.Entries)
        {
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
