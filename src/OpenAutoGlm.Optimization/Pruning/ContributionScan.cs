using System.Numerics;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// What every unit adds to the residual stream, gathered in one run of the model: the cheapest look at what it is worth.
/// A head's contribution is its columns of the output projection times what it attended to; a channel's its column of the down
/// projection times its activation. All shares are means over tokens.
/// </summary>
sealed class ContributionScan
{
    readonly ModelConfig _config;
    readonly IWeights _weights;
    readonly double[,] _heads;
    readonly double[][] _channels;
    readonly double[][] _experts;
    readonly double[] _layers;
    readonly double[] _influence;
    readonly float[]?[] _output; // the output projection of each layer: [hidden, heads · headDim]
    readonly double[]?[] _downNorms; // ‖column‖² of each layer's down projection
    float[] _before = [];
    double[,] _pending = new double[0, 0]; // ‖contribution‖² of each token and head, until the residual is known
    long _tokens;

    /// <summary>Runs the windows.</summary>
    public ContributionScan(ModelConfig config, IWeights weights, IBackend backend, TokenWindows windows, CancellationToken cancellation = default)
    {
        (_config, _weights) = (config, weights);
        _heads = new double[config.Layers, config.Heads];
        _channels = [.. Enumerable.Range(0, config.Layers).Select(_ => new double[config.Inner])];
        _experts = [.. Enumerable.Range(0, config.Layers).Select(_ => new double[config.Experts?.Count ?? 0])];
        _layers = new double[config.Layers];
        _influence = new double[config.Layers];
        _output = new float[config.Layers][];
        _downNorms = new double[config.Layers][];
        using ModelProbe probe = new(config, weights, backend, new ProbeOptions(windows.WindowTokens, TensorFormat.F32, Plain: true));
        foreach (System.Collections.Immutable.ImmutableArray<int> window in windows.Windows)
        {
            cancellation.ThrowIfCancellationRequested();
            probe.Run(window.AsSpan(), Observe);
            _tokens += window.Length;
        }
    }

    /// <summary>Mean of ‖contribution‖² / ‖residual‖² for heads, groups, channels and layers; mean routed share for experts.</summary>
    public double Share(PrunableUnit unit) => unit.Kind switch
    {
        UnitKind.Head => _heads[unit.Layer, unit.Index] / _tokens,
        UnitKind.KvGroup => Enumerable.Range(unit.Index * _config.Heads / _config.KvHeads, _config.Heads / _config.KvHeads).Sum(head => _heads[unit.Layer, head]) / _tokens,
        UnitKind.Channel => _channels[unit.Layer][unit.Index] / _tokens,
        UnitKind.Expert => _experts[unit.Layer][unit.Index] / _tokens,
        _ => _layers[unit.Layer] / _tokens,
    };

    /// <summary>Block influence: mean of 1 − cos(x before, x after) over a layer. Source: Men et al. 2024 (ShortGPT), §3.</summary>
    public double Influence(int layer) => _influence[layer] / _tokens;

    void Observe(PlanStep step, Execution execution)
    {
        string name = step.Node.Outputs[0].Name;
        if (name.Split('.') is not ["blk", string number, string value] || !int.TryParse(number, out int layer))
        {
            return;
        }

        switch (value)
        {
            case "attn_rows":
                AddHeads(layer, execution[step.Node.Outputs[0]]);
                break;
            case "attn_residual":
                _before = execution[step.Node.Inputs[0]].Floats.ToArray();
                Divide(layer, execution[step.Node.Outputs[0]]);
                break;
            case "product":
                AddChannels(layer, execution[step.Node.Outputs[0]]);
                break;
            case "router":
                AddExperts(layer, execution[step.Node.Outputs[0]], execution[step.Node.Outputs[1]]);
                break;
            case "ffn_residual":
                AddLayer(layer, execution[step.Node.Outputs[0]]);
                break;
        }
    }

    void AddHeads(int layer, TensorView rows)
    {
        float[] output = _output[layer] ??= _weights.Get($"blk.{layer}.attn_output.weight").ToFloats();
        int width = rows.RowLength, headDim = _config.HeadDim;
        _pending = new double[rows.RowCount, _config.Heads];
        for (int t = 0; t < rows.RowCount; t++)
        {
            ReadOnlySpan<float> attended = rows.Row(t);
            for (int o = 0; o < _config.Hidden; o++)
            {
                ReadOnlySpan<float> weights = output.AsSpan(o * width, width);
                for (int head = 0; head < _config.Heads; head++)
                {
                    double part = Dot(attended.Slice(head * headDim, headDim), weights.Slice(head * headDim, headDim));
                    _pending[t, head] += part * part;
                }
            }
        }
    }

    void Divide(int layer, TensorView residual)
    {
        for (int t = 0; t < residual.RowCount; t++)
        {
            double norm = Math.Max(Dot(residual.Row(t), residual.Row(t)), double.Epsilon);
            for (int head = 0; head < _config.Heads; head++)
            {
                _heads[layer, head] += _pending[t, head] / norm;
            }
        }
    }

    void AddChannels(int layer, TensorView product)
    {
        double[] norms = _downNorms[layer] ??= ColumnNorms(_weights.Get($"blk.{layer}.ffn_down.weight"));
        for (int t = 0; t < product.RowCount; t++)
        {
            ReadOnlySpan<float> row = product.Row(t);
            for (int channel = 0; channel < row.Length; channel++)
            {
                _channels[layer][channel] += row[channel] * (double)row[channel] * norms[channel];
            }
        }
    }

    void AddExperts(int layer, TensorView chosen, TensorView shares)
    {
        Span<int> ids = chosen.Ints;
        Span<float> weights = shares.Floats;
        for (int i = 0; i < ids.Length; i++)
        {
            _experts[layer][ids[i]] += weights[i];
        }
    }

    void AddLayer(int layer, TensorView residual)
    {
        int width = residual.RowLength;
        for (int t = 0; t < residual.RowCount; t++)
        {
            ReadOnlySpan<float> before = _before.AsSpan(t * width, width), after = residual.Row(t);
            double beforeNorm = Dot(before, before), afterNorm = Math.Max(Dot(after, after), double.Epsilon), both = Dot(before, after);
            _influence[layer] += 1 - (both / Math.Sqrt(Math.Max(beforeNorm * afterNorm, double.Epsilon)));
            _layers[layer] += Math.Max(0, beforeNorm + afterNorm - (2 * both)) / afterNorm;
        }
    }

    static double[] ColumnNorms(Tensor matrix)
    {
        double[] norms = new double[matrix.Shape.Last.Size];
        float[] row = new float[norms.Length];
        for (int r = 0; r < matrix.Shape[0].Size; r++)
        {
            matrix.View.ReadRow(r, row);
            for (int c = 0; c < row.Length; c++)
            {
                norms[c] += row[c] * (double)row[c];
            }
        }

        GC.KeepAlive(matrix);
        return norms;
    }

    static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int lanes = Vector<float>.Count;
        Vector<float> sums = default;
        int i = 0;
        for (; i + lanes <= a.Length; i += lanes)
        {
            sums += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
        }

        double sum = Vector.Sum(sums);
        for (; i < a.Length; i++)
        {
            sum += a[i] * (double)b[i];
        }

        return sum;
    }
}
