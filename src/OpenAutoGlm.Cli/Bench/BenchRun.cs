using System.Collections.Immutable;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Engine.Measuring;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>What is measured: a prompt of so many tokens, or an answer of so many for each of some sequences.</summary>
/// <param name="Prefill">Whether tokens are read (pp) and not written (tg).</param>
/// <param name="Tokens">How many.</param>
/// <param name="Depth">How many stand before them.</param>
/// <param name="Sequences">How many sequences are decoded together.</param>
sealed record BenchTest(bool Prefill, int Tokens, int Depth = 0, int Sequences = 1)
{
    /// <summary>As llama.cpp's bench names it: pp512, tg128; with what is unusual behind: tg128 × 16 @ 4096.</summary>
    public string Name => $"{(Prefill ? "pp" : "tg")}{Tokens}{(Sequences > 1 ? $" × {Sequences}" : "")}{(Depth > 0 ? $" @ {Depth}" : "")}";

    /// <summary>Tokens in memory at the end, of all sequences.</summary>
    public int KvTokens => Sequences * (Depth + Tokens);
}

/// <summary>One repetition: the speed, and what the memory gave meanwhile.</summary>
/// <param name="TokensPerSecond">Of all sequences together.</param>
/// <param name="BytesPerSecond">Median of the reads before, between and after.</param>
readonly record struct Sample(double TokensPerSecond, double BytesPerSecond);

/// <summary>Some repetitions.</summary>
sealed record Speeds(ImmutableArray<Sample> Samples)
{
    public double Min => Samples.Min(sample => sample.TokensPerSecond);

    public double Max => Samples.Max(sample => sample.TokensPerSecond);

    public double Median => MedianOf(Samples.Select(sample => sample.TokensPerSecond));

    public double BytesPerSecond => MedianOf(Samples.Select(sample => sample.BytesPerSecond));

    public static double MedianOf(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}

/// <summary>
/// Measures a model step by step. While tokens are decoded the memory is read in between: on a shared machine its bandwidth
/// moves by a factor of two within seconds, and only what was there at the time is a floor.
/// </summary>
sealed class BenchRun(ModelMeter meter, BandwidthProbe probe)
{
    /// <summary>Steps between two reads.</summary>
    const int StepsBetween = 8;

    /// <summary>Runs a little of every test, so that all memory is there and all code compiled.</summary>
    public static void Warm(ModelMeter meter, IReadOnlyList<BenchTest> tests, Action<string> doing, CancellationToken cancellation)
    {
        foreach (BenchTest test in tests)
        {
            doing($"{test.Name}, to warm up");
            if (test.Prefill)
            {
                meter.Prefill(test.Tokens, test.Depth, _ => cancellation.ThrowIfCancellationRequested());
            }
            else
            {
                meter.Decode(test.Sequences, test.Depth + test.Tokens - 1);
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Runs every test so many times, in turn, so that a noisy moment harms all alike.</summary>
    public IReadOnlyList<(BenchTest Test, Speeds Speeds)> Measure(IReadOnlyList<BenchTest> tests, int repetitions, Action<string> doing, CancellationToken cancellation)
    {
        Sample[][] samples = [.. tests.Select(_ => new Sample[repetitions])];
        for (int repetition = 0; repetition < repetitions; repetition++)
        {
            for (int i = 0; i < tests.Count; i++)
            {
                doing($"{tests[i].Name}, {repetition + 1} of {repetitions}");
                samples[i][repetition] = Once(tests[i], cancellation);
            }
        }

        return [.. tests.Zip(samples, (test, values) => (test, new Speeds([.. values])))];
    }

    /// <summary>One repetition of one test.</summary>
    public Sample Once(BenchTest test, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        List<double> bandwidths = [probe.Read()];
        TimeSpan time = default;
        if (test.Prefill)
        {
            time = meter.Prefill(test.Tokens, test.Depth, _ => cancellation.ThrowIfCancellationRequested());
            bandwidths.Add(probe.Read());
        }

        for (int token = 0; token < test.Tokens && !test.Prefill; token++)
        {
            cancellation.ThrowIfCancellationRequested();
            time += meter.Decode(test.Sequences, test.Depth + token);
            if (token % StepsBetween == StepsBetween - 1 || token == test.Tokens - 1)
            {
                bandwidths.Add(probe.Read());
            }
        }

        return new Sample(test.Sequences * test.Tokens / time.TotalSeconds, Speeds.MedianOf(bandwidths));
    }
}
