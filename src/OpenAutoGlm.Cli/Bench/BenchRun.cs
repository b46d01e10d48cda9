using System.Collections.Immutable;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>What is measured: a prompt of so many tokens, or an answer of so many.</summary>
/// <param name="Prefill">Whether tokens are read (pp) and not written (tg).</param>
/// <param name="Tokens">How many.</param>
sealed record BenchTest(bool Prefill, int Tokens)
{
    /// <summary>As llama.cpp's bench names it: pp512, tg128.</summary>
    public string Name => $"{(Prefill ? "pp" : "tg")}{Tokens}";
}

/// <summary>Tokens per second over some repetitions.</summary>
sealed record Speeds(ImmutableArray<double> TokensPerSecond)
{
    public double Min => TokensPerSecond.Min();

    public double Max => TokensPerSecond.Max();

    public double Median
    {
        get
        {
            double[] sorted = [.. TokensPerSecond.Order()];
            int middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }
}

/// <summary>Measures an engine by its own clock, one sequence at a time.</summary>
sealed class BenchRun(InferenceEngine engine, ulong seed)
{
    /// <summary>Runs every test once to warm up and then so many times, in turn, so that a noisy moment harms all alike.</summary>
    public IReadOnlyList<(BenchTest Test, Speeds Speeds)> Measure(IReadOnlyList<BenchTest> tests, int repetitions, Action<string> doing, CancellationToken cancellation)
    {
        double[][] speeds = [.. tests.Select(_ => new double[repetitions])];
        for (int repetition = -1; repetition < repetitions; repetition++)
        {
            for (int i = 0; i < tests.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                doing(repetition < 0 ? $"{tests[i].Name}, to warm up" : $"{tests[i].Name}, {repetition + 1} of {repetitions}");
                double speed = Once(tests[i], cancellation);
                if (repetition >= 0)
                {
                    speeds[i][repetition] = speed;
                }
            }
        }

        return [.. tests.Zip(speeds, (test, values) => (test, new Speeds([.. values])))];
    }

    double Once(BenchTest test, CancellationToken cancellation)
    {
        // Decoding n tokens after the first one: the first comes out of the prompt's own step.
        Sequence sequence = engine.Submit(new SequenceRequest
        {
            Prompt = test.Prefill ? Ids(test.Tokens) : Ids(1),
            MaxTokens = test.Prefill ? 1 : test.Tokens + 1,
            Sampling = SamplingOptions.Greedy,
        });
        using CancellationTokenRegistration cancelled = cancellation.Register(sequence.Cancel);
        SequenceOutcome outcome = sequence.Completion.GetAwaiter().GetResult();
        return outcome.Reason switch
        {
            FinishReason.Length => test.Tokens / (test.Prefill ? outcome.Timings.Prefill : outcome.Timings.Decode).TotalSeconds,
            FinishReason.Failed => throw outcome.Error!,
            _ => throw new OperationCanceledException(cancellation),
        };
    }

    ImmutableArray<int> Ids(int count)
    {
        Random random = new((int)seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(engine.Vocab))];
    }
}
