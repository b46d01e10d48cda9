using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Server;

/// <summary>A model that takes no step while it is held, for ten seconds at most so that a test that failed can end.</summary>
sealed class PacedRunner(IModelRunner inner) : IModelRunner
{
    readonly ManualResetEventSlim _free = new(initialState: true);
    volatile int _steps;

    /// <summary>Steps begun.</summary>
    public int Steps => _steps;

    /// <summary>Holds the step after this many.</summary>
    public int HoldAfter { get; set; } = int.MaxValue;

    public EngineLimits Limits => inner.Limits;

    public KvPool Pool => inner.Pool;

    public void Run(Batch batch)
    {
        if (++_steps > HoldAfter)
        {
            _free.Reset();
            HoldAfter = int.MaxValue;
        }

        _free.Wait(TimeSpan.FromSeconds(10));
        inner.Run(batch);
    }

    /// <summary>Goes on.</summary>
    public void Release() => _free.Set();

    public ReadOnlySpan<float> Logits(int output) => inner.Logits(output);

    public string PrintPlan() => inner.PrintPlan();

    public void Dispose()
    {
        inner.Dispose();
        _free.Dispose();
    }
}
