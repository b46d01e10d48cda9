using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>Measures KL(original ‖ candidate), in nats a token.</summary>
/// <param name="candidate">The candidate's weights.</param>
/// <param name="kvFormat">What its keys and values are stored in.</param>
/// <param name="cancellation">Breaks off.</param>
public delegate double MeasureLoss(IWeights candidate, TensorFormat kvFormat, CancellationToken cancellation);

/// <summary>
/// Finds what every choice loses by itself. How much of it is measured is a matter of time: every choice; three formats of
/// every group, with the others between them on a line of log loss over log rounding error; or two formats for each kind
/// of tensor in all layers at once, shared out among the layers by rounding error.
/// </summary>
public sealed class SensitivityScan(CandidateBuilder builder, MeasureLoss measure, SensitivityCache cache, TimeProvider time)
{
    // Below this, a divergence is rounding noise of the logits themselves.
    const double Least = 1e-12;

    // Weights that a measurement of a kind rounds: some of the layers stand for all of a large model's.
    const long MostRounded = 1L << 27;
    const int LeastLayers = 3;

    readonly ChoiceSpace _space = builder.Space;
    int _measurements;

    /// <summary>How often each row of the embedding table is picked by the calibration text; null where that is not known.</summary>
    public IReadOnlyList<int>? TokenCounts { get; init; }

    /// <summary>Finds the losses.</summary>
    /// <param name="method">How.</param>
    /// <param name="budget">For <see cref="SensitivityMethod.Auto"/>: about how long it may take.</param>
    /// <param name="progress">Told the share that is done, and of what.</param>
    /// <param name="cancellation">Breaks off; what was measured is kept in the cache.</param>
    public SensitivityTable Run(SensitivityMethod method, TimeSpan budget, IProgress<(double Share, string What)>? progress = null, CancellationToken cancellation = default)
    {
        try
        {
            // What was chosen is kept too: a run that goes on finds its measurements in the cache, and would think them quick.
            SensitivityMethod chosen = method == SensitivityMethod.Auto
                ? (SensitivityMethod)cache.Get($"method for {budget.TotalSeconds} s", () => (double)Choose(budget, cancellation))
                : method;
            ImmutableArray<PredictedLoss> kv = [.. _space.KvChoices.Select(format => new PredictedLoss(KvLoss(format, cancellation), Measured: true))];
            ImmutableArray<ImmutableArray<PredictedLoss>> groups = chosen switch
            {
                SensitivityMethod.Measured => Scan(Everything, withErrors: false, progress, cancellation),
                SensitivityMethod.Coarse => Scan(Anchors, withErrors: true, progress, cancellation),
                _ => ByKind(progress, cancellation),
            };
            return new SensitivityTable(_space, groups, kv, chosen, _measurements);
        }
        finally
        {
            cache.Save();
        }
    }

    SensitivityMethod Choose(TimeSpan budget, CancellationToken cancellation)
    {
        int group = Enumerable.Range(0, _space.Groups.Length).FirstOrDefault(g => _space.Choices[g].Length > 1, -1);
        if (group < 0)
        {
            return SensitivityMethod.Measured;
        }

        // The first measurement also packs weights and fills caches, so the second one is timed.
        long start = time.GetTimestamp();
        foreach (int c in (int[])[1, _space.Choices[group].Length - 1])
        {
            start = time.GetTimestamp();
            Loss(group, c, cancellation);
        }

        double seconds = time.GetElapsedTime(start).TotalSeconds;
        double all = seconds * _space.Choices.Sum(choices => choices.Length - 1);
        double coarse = seconds * _space.Choices.Sum(choices => Math.Min(3, choices.Length - 1));
        return all <= budget.TotalSeconds ? SensitivityMethod.Measured : coarse <= budget.TotalSeconds ? SensitivityMethod.Coarse : SensitivityMethod.Proxy;
    }

    double KvLoss(TensorFormat format, CancellationToken cancellation) => format == _space.SourceKv
        ? 0
        : cache.Get($"kv {format}", () => Measure(builder.Weights, format, cancellation));

    /// <summary>The loss of a choice, measured.</summary>
    double Loss(int group, int choice, CancellationToken cancellation) => _space.Choices[group][choice] is TensorFormat format && format == _space.Sources[group]
        ? 0
        : cache.Get($"{_space.Groups[group].Name} {format}", () => Measure(builder.Only([group], _ => format, cancellation), _space.SourceKv, cancellation));

    double Measure(IWeights candidate, TensorFormat kvFormat, CancellationToken cancellation)
    {
        _measurements++;
        double loss = measure(candidate, kvFormat, cancellation);
        return double.IsFinite(loss) ? Math.Max(0, loss) : throw new InvalidOperationException($"A divergence of {loss} was measured.");
    }

    ImmutableArray<int> Everything(int group) => [.. Enumerable.Range(0, _space.Choices[group].Length)];

    /// <summary>The largest quantised format, the one nearest 4.5 bits, and the smallest.</summary>
    ImmutableArray<int> Anchors(int group)
    {
        ImmutableArray<TensorFormat> choices = _space.Choices[group];
        int[] quantised = [.. Enumerable.Range(0, choices.Length).Where(c => BlockFormat.Of(choices[c]).BitsPerElement < 16 && choices[c] != _space.Sources[group])];
        int[] pool = quantised.Length > 0 ? quantised : [.. Enumerable.Range(0, choices.Length).Where(c => choices[c] != _space.Sources[group])];
        return pool.Length == 0 ? [] : [.. new[] { pool[0], pool.MinBy(c => Math.Abs(BlockFormat.Of(choices[c]).BitsPerElement - 4.5)), pool[^1] }.Distinct()];
    }

    ImmutableArray<ImmutableArray<PredictedLoss>> Scan(Func<int, ImmutableArray<int>> chosen, bool withErrors, IProgress<(double, string)>? progress, CancellationToken cancellation)
    {
        ImmutableArray<ImmutableArray<PredictedLoss>>.Builder table = ImmutableArray.CreateBuilder<ImmutableArray<PredictedLoss>>(_space.Groups.Length);
        for (int g = 0; g < _space.Groups.Length; g++)
        {
            progress?.Report(((double)g / _space.Groups.Length, _space.Groups[g].Name));
            double[] errors = withErrors ? Errors(g, cancellation) : [];
            Dictionary<int, double> measured = [];
            foreach (int c in chosen(g))
            {
                cancellation.ThrowIfCancellationRequested();
                measured[c] = Loss(g, c, cancellation);
            }

            table.Add([.. _space.Choices[g].Select((format, c) => measured.TryGetValue(c, out double loss) ? new PredictedLoss(loss, true, withErrors ? errors[c] : double.NaN)
                : format == _space.Sources[g] ? new PredictedLoss(0, true, 0)
                : new PredictedLoss(Between(errors[c], [.. measured.Select(pair => (errors[pair.Key], pair.Value))]), false, errors[c]))]);
        }

        progress?.Report((1, ""));
        return table.MoveToImmutable();
    }

    double[] Errors(int group, CancellationToken cancellation) =>
        [.. _space.Choices[group].Select(format => format == _space.Sources[group] ? 0 : _space.Groups[group].Tensors.Sum(tensor => cache.Get($"error {tensor.Name} {format}", () => RoundingError.Of(builder, tensor, format, TokenCounts, cancellation))))];

    /// <summary>The loss of an error between measured ones, on straight lines in logarithms; beyond them in proportion to the nearest.</summary>
    static double Between(double error, (double Error, double Loss)[] anchors)
    {
        if (anchors.Length == 0 || error <= 0)
        {
            return 0;
        }

        Array.Sort(anchors);
        (double Error, double Loss) below = anchors.LastOrDefault(anchor => anchor.Error <= error, (double.NaN, 0));
        (double Error, double Loss) above = anchors.FirstOrDefault(anchor => anchor.Error > error, (double.NaN, 0));
        if (double.IsNaN(below.Error) || double.IsNaN(above.Error))
        {
            (double at, double loss) = double.IsNaN(below.Error) ? above : below;
            return loss * error / Math.Max(at, double.Epsilon);
        }

        double share = Math.Log(error / Math.Max(below.Error, double.Epsilon)) / Math.Log(above.Error / Math.Max(below.Error, double.Epsilon));
        return Math.Exp(double.Lerp(Math.Log(Math.Max(below.Loss, Least)), Math.Log(Math.Max(above.Loss, Least)), Math.Clamp(share, 0, 1)));
    }

    /// <summary>
    /// Two measurements for each kind of tensor, all layers at once in the coarsest and in the finest quantised format (in large models some layers, evenly
    /// spread): loss = scale · error + rounding of activations, which every quantised format has alike.
    /// </summary>
    ImmutableArray<ImmutableArray<PredictedLoss>> ByKind(IProgress<(double, string)>? progress, CancellationToken cancellation)
    {
        ImmutableArray<PredictedLoss>[] table = new ImmutableArray<PredictedLoss>[_space.Groups.Length];
        int done = 0;
        foreach (IGrouping<string, int> kind in Enumerable.Range(0, _space.Groups.Length).GroupBy(g => _space.Groups[g].Kind))
        {
            int[] members = [.. kind];
            double[][] errors = [.. members.Select(g => Told(g, Errors(g, cancellation)))];
            int[] open = Some([.. Enumerable.Range(0, members.Length).Where(m => Anchors(members[m]).Length > 0)], m => _space.Groups[members[m]].Elements);
            double coarse = 0, fine = 0, coarseError = 0, fineError = 0;
            if (open.Length > 0)
            {
                (coarse, coarseError) = Together(kind.Key, members, errors, open, last: true, cancellation);
                (fine, fineError) = Together(kind.Key, members, errors, open, last: false, cancellation);
            }

            double scale = Math.Max(coarse - fine, coarse / 2) / Math.Max(coarseError - fineError, double.Epsilon);
            double activations = Math.Max(0, fine - (scale * fineError)) / Math.Max(1, open.Length);
            for (int m = 0; m < members.Length; m++)
            {
                table[members[m]] = [.. _space.Choices[members[m]].Select((format, c) => new PredictedLoss(
                    format == _space.Sources[members[m]] ? 0 : (scale * errors[m][c]) + (BlockFormat.Of(format).BitsPerElement < 16 ? activations : 0), false, errors[m][c]))];
            }
        }

        progress?.Report((1, ""));
        return [.. table];

        double[] Told(int group, double[] errors)
        {
            progress?.Report(((double)++done / (_space.Groups.Length + 1), _space.Groups[group].Name));
            return errors;
        }
    }

    static int[] Some(int[] members, Func<int, long> elements)
    {
        long all = members.Sum(elements);
        int count = all <= MostRounded ? members.Length : (int)Math.Clamp(members.Length * MostRounded / all, Math.Min(LeastLayers, members.Length), members.Length);
        return [.. Enumerable.Range(0, count).Select(i => members[(int)(((2L * i) + 1) * members.Length / (2L * count))])];
    }

    (double Loss, double Error) Together(string kind, int[] members, double[][] errors, int[] open, bool last, CancellationToken cancellation)
    {
        int ChoiceOf(int m) => last ? Anchors(members[m])[^1] : Anchors(members[m])[0];
        Dictionary<int, TensorFormat> formats = open.ToDictionary(m => members[m], m => _space.Choices[members[m]][ChoiceOf(m)]);
        string name = $"{(open.Length == members.Length ? "all" : $"{open.Length} of {members.Length}")} {kind} {string.Join(' ', formats.Values.Distinct())}";
        double loss = cache.Get(name, () => Measure(builder.Only(formats.Keys, g => formats[g], cancellation), _space.SourceKv, cancellation));
        return (loss, open.Sum(m => errors[m][ChoiceOf(m)]));
    }
}
