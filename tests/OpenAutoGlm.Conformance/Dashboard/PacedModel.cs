using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Dashboard;

/// <summary>A model that takes its time for every step, so that people and tests can watch it.</summary>
sealed class PacedModel(IModelRunner inner, TimeSpan pace) : IModelRunner
{
    readonly ManualResetEventSlim _never = new(initialState: false);

    public EngineLimits Limits => inner.Limits;

    public KvPool Pool => inner.Pool;

    public void Run(Batch batch)
    {
        _never.Wait(pace);
        inner.Run(batch);
    }

    public ReadOnlySpan<float> Logits(int output) => inner.Logits(output);

    public string PrintPlan() => inner.PrintPlan();

    public void Dispose()
    {
        inner.Dispose();
        _never.Dispose();
    }
}
