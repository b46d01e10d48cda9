using System.Diagnostics;
using OpenAutoGlm.Graph;

namespace OpenAutoGlm.Cpu.Tuning;

/// <summary>What the search for one number found.</summary>
/// <param name="Key">The number.</param>
/// <param name="Default">Its value without tuning.</param>
/// <param name="Best">Its value now.</param>
/// <param name="Gain">Time with the default ÷ time with the best, of the steps that it concerns: above 1 where tuning helped.</param>
public sealed record TuningResult(string Key, int Default, int Best, double Gain);

/// <summary>
/// Tries the numbers that the kernels of a plan leave open, on the plan itself, and notes what is fastest. All choices of
/// a number run in turn, many times, and are compared round by round, so that a noisy moment harms all alike; the default
/// stays unless another one is clearly faster. Results do not depend on any of these numbers.
/// </summary>
/// <param name="backend">The backend that lowered the plan.</param>
/// <param name="plan">The plan.</param>
public sealed class PlanTuner(CpuBackend backend, Plan plan)
{
    /// <summary>What is not this much faster is noise.</summary>
    const double LeastGain = 1.03;

    /// <summary>Fewer rounds tell nothing.</summary>
    const int LeastRounds = 5;

    readonly Dictionary<string, List<ITunable>> _tunables = plan.Steps
        .Select(step => step.Kernel).OfType<ITunable>().Append(backend.Pool)
        .GroupBy(tunable => tunable.TuningKey, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => group.ToList(), StringComparer.Ordinal);

    /// <summary>How many numbers there are.</summary>
    public int Count => _tunables.Count;

    /// <summary>Whether the cache has a value for each of them.</summary>
    public bool IsKnown(TuningCache cache) => _tunables.Keys.All(key => cache.TryGet(backend.TuningKeyOf(key), out _));

    /// <summary>Searches and notes what it finds; the caller saves the cache.</summary>
    /// <param name="run">Runs the plan once, and tells of each step.</param>
    /// <param name="cache">Where the results go.</param>
    /// <param name="budget">The time to spend; every number gets its share.</param>
    /// <param name="cancellation">Breaks off; what was found is kept.</param>
    public IReadOnlyList<TuningResult> Search(Action<Action<PlanStep>?> run, TuningCache cache, TimeSpan budget, CancellationToken cancellation = default)
    {
        List<TuningResult> results = [];
        run(null);
        int left = _tunables.Count;
        long start = Stopwatch.GetTimestamp();
        foreach ((string key, List<ITunable> tunables) in _tunables)
        {
            TimeSpan share = (budget - Stopwatch.GetElapsedTime(start)) / left--;
            TuningResult result = SearchOne(key, tunables, run, share, cancellation);
            cache.Set(backend.TuningKeyOf(key), result.Best);
            results.Add(result);
        }

        return results;
    }

    /// <summary>Runs the whole plan with the defaults and with what was found, in turn; how many times as fast the latter is.</summary>
    /// <param name="results">What <see cref="Search"/> returned.</param>
    /// <param name="run">Runs the plan once.</param>
    /// <param name="budget">The time to spend.</param>
    /// <param name="cancellation">Breaks off.</param>
    public double Compare(IReadOnlyList<TuningResult> results, Action<Action<PlanStep>?> run, TimeSpan budget, CancellationToken cancellation = default)
    {
        List<double> ratios = [];
        long start = Stopwatch.GetTimestamp();
        while (!cancellation.IsCancellationRequested && (ratios.Count < LeastRounds || Stopwatch.GetElapsedTime(start) < budget))
        {
            // Whoever runs second finds other things in the caches: they take turns at being first.
            bool defaultsFirst = ratios.Count % 2 == 0;
            double first = Whole(defaultsFirst);
            double second = Whole(!defaultsFirst);
            ratios.Add(defaultsFirst ? first / second : second / first);
        }

        Use(results, defaults: false);
        return Median(ratios);

        double Whole(bool defaults)
        {
            Use(results, defaults);
            long began = Stopwatch.GetTimestamp();
            run(null);
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }

    void Use(IReadOnlyList<TuningResult> results, bool defaults)
    {
        foreach (TuningResult result in results)
        {
            _tunables[result.Key].ForEach(tunable => tunable.Choice = defaults ? result.Default : result.Best);
        }
    }

    static TuningResult SearchOne(string key, List<ITunable> tunables, Action<Action<PlanStep>?> run, TimeSpan share, CancellationToken cancellation)
    {
        int standard = tunables[0].Choice;
        int[] choices = [standard, .. tunables[0].Choices.ToArray().Where(choice => choice != standard)];
        List<double>[] times = [.. choices.Select(_ => new List<double>())];
        HashSet<ITunable> concerned = [.. tunables];
        long start = Stopwatch.GetTimestamp();
        try
        {
            // A round more is begun only if there is time for it.
            for (int round = 0; !cancellation.IsCancellationRequested && (round < LeastRounds || Stopwatch.GetElapsedTime(start) * (round + 1) / round < share); round++)
            {
                for (int i = 0; i < choices.Length; i++)
                {
                    int turn = (i + round) % choices.Length;
                    tunables.ForEach(tunable => tunable.Choice = choices[turn]);
                    times[turn].Add(Time(concerned, run));
                }
            }
        }
        finally
        {
            tunables.ForEach(tunable => tunable.Choice = standard);
        }

        int best = 0;
        double gain = 1;
        for (int i = 1; i < choices.Length; i++)
        {
            double ratio = Median(times[0].Zip(times[i], (before, after) => before / after));
            if (ratio > Math.Max(gain, LeastGain))
            {
                (best, gain) = (i, ratio);
            }
        }

        tunables.ForEach(tunable => tunable.Choice = choices[best]);
        return new TuningResult(key, standard, choices[best], gain);
    }

    /// <summary>Seconds of the steps that a number concerns; of all of them where it belongs to none.</summary>
    static double Time(HashSet<ITunable> concerned, Action<Action<PlanStep>?> run)
    {
        long all = 0;
        long own = 0;
        long last = Stopwatch.GetTimestamp();
        run(step =>
        {
            long now = Stopwatch.GetTimestamp();
            all += now - last;
            own += step.Kernel is ITunable tunable && concerned.Contains(tunable) ? now - last : 0;
            last = Stopwatch.GetTimestamp();
        });
        return (own > 0 ? own : all) / (double)Stopwatch.Frequency;
    }

    static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
