using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// Estimates of what a model loses without a unit. Only the order within one method means something, but for
/// <see cref="ImportanceMethod.Ablation"/>, <see cref="ImportanceMethod.Sensitivity"/> and
/// <see cref="ImportanceMethod.RandomMasks"/>, which estimate the divergence in nats a token.
/// </summary>
public sealed class UnitImportance
{
    // How far values are moved to see what the output minds: relative to what is moved. Large enough to stand above rounding,
    // small enough that the divergence grows with its square.
    const float Step = 0.25f;

    // One unit in eight is silent at a time: few enough that their harms add up, many enough that each is seen often.
    const int MaskOneIn = 8;

    // Pulls the estimates of units that were seldom silent towards 0.
    const double Ridge = 0.05;

    readonly ModelConfig _config;
    readonly IWeights _weights;
    readonly IBackend _backend;
    readonly TokenWindows _windows;
    readonly Lazy<ContributionScan> _scan;
    readonly Lazy<AblationMeter> _meter;
    readonly int _seed;

    /// <summary>Prepares estimates; nothing runs yet.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="windows">What is read. Methods that silence units take a run over all of them for each unit or kind, so short ones are meant.</param>
    /// <param name="seed">For the methods that draw.</param>
    public UnitImportance(ModelConfig config, IWeights weights, IBackend backend, TokenWindows windows, int seed = 0)
    {
        (_config, _weights, _backend, _windows, _seed) = (config, weights, backend, windows, seed);
        _scan = new Lazy<ContributionScan>(() => new ContributionScan(config, weights, backend, windows));
        _meter = new Lazy<AblationMeter>(() => new AblationMeter(config, weights, backend, windows));
    }

    /// <summary>The importance of units, in their order.</summary>
    /// <param name="method">How it is told.</param>
    /// <param name="units">The units.</param>
    /// <param name="progress">Told the share that is done where a method takes many runs.</param>
    /// <param name="cancellation">Breaks off between two runs.</param>
    public double[] Of(ImportanceMethod method, IReadOnlyList<PrunableUnit> units, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(units);
        return method switch
        {
            ImportanceMethod.Magnitude => [.. units.Select(Magnitude)],
            ImportanceMethod.Activation => [.. units.Select(_scan.Value.Share)],
            ImportanceMethod.BlockInfluence => [.. units.Select(unit => unit.Kind == UnitKind.Layer ? _scan.Value.Influence(unit.Layer) : _scan.Value.Share(unit))],
            ImportanceMethod.Sensitivity => Sensitivity(units, progress, cancellation),
            ImportanceMethod.RandomMasks => RandomMasks(units, cancellation),
            _ => _meter.Value.HarmOfEach(units, progress, cancellation),
        };
    }

    double Magnitude(PrunableUnit unit)
    {
        string layer = $"blk.{unit.Layer}.";
        int width = _config.HeadDim * (unit.Kind == UnitKind.KvGroup ? _config.Heads / _config.KvHeads : 1);
        return unit.Kind switch
        {
            UnitKind.Head or UnitKind.KvGroup => ColumnNorm(_weights.Get(layer + "attn_output.weight"), unit.Index * width, width),
            UnitKind.Channel => ColumnNorm(_weights.Get(layer + "ffn_down.weight"), unit.Index, 1),
            UnitKind.Expert => ColumnNorm(_weights.Get(layer + "ffn_down_exps.weight").Rows(unit.Index, 1), 0, _config.Experts!.Inner),
            _ => ColumnNorm(_weights.Get(layer + "attn_output.weight"), 0, _config.Heads * _config.HeadDim) + (_weights.TryGet(layer + "ffn_down.weight", out Tensor? down) ? ColumnNorm(down, 0, _config.Inner) : 0),
        };
    }

    /// <summary>
    /// Harm is to second order a quadratic form of the change. What a place minds is measured once, by a random change whose
    /// expected square is known; a unit's part of it is the part that its contribution has in the changed values.
    /// </summary>
    double[] Sensitivity(IReadOnlyList<PrunableUnit> units, IProgress<double>? progress, CancellationToken cancellation)
    {
        Dictionary<(UnitKind, int), double> perShare = [];
        double[] importance = new double[units.Count];
        for (int i = 0; i < units.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            PrunableUnit unit = units[i];
            if (unit.Kind == UnitKind.Layer)
            {
                // A layer is no small change, and one run tells what it costs: as many as a perturbation would take.
                importance[i] = _meter.Value.Harm(unit);
                continue;
            }

            UnitKind kind = unit.Kind == UnitKind.KvGroup ? UnitKind.Head : unit.Kind;
            if (!perShare.TryGetValue((kind, unit.Layer), out double factor))
            {
                factor = PerShare(kind, unit.Layer);
                perShare.Add((kind, unit.Layer), factor);
            }

            importance[i] = factor * _scan.Value.Share(unit);
            progress?.Report((i + 1.0) / units.Count);
        }

        return importance;
    }

    /// <summary>Divergence for each unit of share: of all parts of one kind in a layer together.</summary>
    double PerShare(UnitKind kind, int layer)
    {
        Random random = new(HashCode(_seed, layer));
        (string value, int width, double total) = kind switch
        {
            UnitKind.Head => (UnitPlaces.HeadRows(layer), _config.HeadDim, PrunableUnit.Of(_config, UnitKind.Head).Where(head => head.Layer == layer).Sum(_scan.Value.Share)),
            UnitKind.Channel => (UnitPlaces.Channels(layer), 1, PrunableUnit.Of(_config, UnitKind.Channel).Where(channel => channel.Layer == layer).Sum(_scan.Value.Share)),
            _ => ($"blk.{layer}.exps", _config.Hidden, 1),
        };
        double harm = _meter.Value.Measure((_, step, execution) =>
        {
            if (step.Node.Outputs[0].Name != value)
            {
                return;
            }

            TensorView view = execution[step.Node.Outputs[0]];
            for (int t = 0; t < view.RowCount; t++)
            {
                Waver(view.Row(t), width, random);
            }
        });
        return total > 0 ? harm / (Step * Step * total) : 0;
    }

    /// <summary>Every part of a row becomes a little larger or smaller, as a coin falls.</summary>
    static void Waver(Span<float> row, int width, Random random)
    {
        for (int start = 0; start < row.Length; start += width)
        {
            float factor = 1 + (random.Next(2) == 0 ? Step : -Step);
            foreach (ref float value in row.Slice(start, width))
            {
                value *= factor;
            }
        }
    }

    double[] RandomMasks(IReadOnlyList<PrunableUnit> units, CancellationToken cancellation)
    {
        int count = units.Count;
        if (count == 0)
        {
            return [];
        }

        Random random = new(_seed);
        AblationMeter meter = _meter.Value;
        double[,] normal = new double[count, count];
        double[] right = new double[count];
        for (int w = 0; w < meter.WindowCount; w++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] silent = [.. Enumerable.Range(0, count).Where(_ => random.Next(MaskOneIn) == 0)];
            if (silent.Length == 0)
            {
                silent = [random.Next(count)];
            }

            ImmutableArray<PrunableUnit> masked = [.. silent.Select(i => units[i])];
            double harm = meter.MeasureWindow(w, (_, step, execution) => meter.Silence(step, execution, masked));
            foreach (int i in silent)
            {
                right[i] += harm;
                foreach (int j in silent)
                {
                    normal[i, j]++;
                }
            }
        }

        for (int i = 0; i < count; i++)
        {
            normal[i, i] += Ridge * Math.Max(1, meter.WindowCount / (double)MaskOneIn);
        }

        return LinearSystem.Solve(normal, right);
    }

    static double ColumnNorm(Tensor matrix, int start, int count)
    {
        float[] row = new float[matrix.Shape.Last.Size];
        double sum = 0;
        for (int r = 0; r < matrix.Shape.ElementCount / row.Length; r++)
        {
            matrix.View.ReadRow(r, row);
            foreach (float value in row.AsSpan(start, count))
            {
                sum += value * (double)value;
            }
        }

        GC.KeepAlive(matrix);
        return Math.Sqrt(sum);
    }

    static int HashCode(int seed, int layer) => unchecked((seed * 1_000_003) + layer);
}
