using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Engine.Measuring;

public class ModelMeterTests
{
    [Fact]
    public void A_prompt_runs_in_as_many_steps_as_it_takes_and_a_token_in_one_for_all_sequences()
    {
        TinyModel model = new();
        using ReferenceInterpreter backend = new();
        using ModelMeter meter = new(model.Config, model, backend, new MeterLimits(Sequences: 3, Tokens: 80, KvTokens: 240, StepTokens: 8, TensorFormat.F32));
        Assert.Equal(3 * meter.Plan.Steps.Length, Calls(after => meter.Prefill(20, 5, after)));
        Assert.Equal(meter.Plan.Steps.Length, Calls(after => meter.Decode(3, 70, after)));
        Assert.Equal(2 * 2 * 2 * 4 * sizeof(float), meter.KvBytesPerToken);
    }

    [Fact]
    public void Depths_and_batches_may_come_in_any_order()
    {
        TinyModel model = new();
        using ReferenceInterpreter backend = new();
        using ModelMeter meter = new(model.Config, model, backend, new MeterLimits(Sequences: 4, Tokens: 128, KvTokens: 128));
        foreach ((int sequences, int depth) in ((int, int)[])[(4, 31), (1, 127), (2, 63), (4, 0), (1, 0), (4, 31)])
        {
            Assert.True(meter.Decode(sequences, depth) > TimeSpan.Zero);
        }
    }

    [Fact]
    public void More_than_it_was_made_for_is_refused()
    {
        TinyModel model = new();
        using ReferenceInterpreter backend = new();
        using ModelMeter meter = new(model.Config, model, backend, new MeterLimits(Sequences: 2, Tokens: 256, KvTokens: 64));
        Assert.Throws<ArgumentOutOfRangeException>(() => meter.Decode(2, 200));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelMeter(model.Config, model, backend, new MeterLimits(1, 257, 257)));
    }

    static int Calls(Action<Action<PlanStep>> run)
    {
        int calls = 0;
        run(_ => calls++);
        return calls;
    }
}
