using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// Rewrites of a model's weights that leave what it computes as it was, up to rounding in float32, and make it lose less
/// when it is rounded afterwards. Where they apply is read off the model's graph, not off its name.
/// </summary>
public static class WeightTransforms
{
    const string HeadName = "output.weight";

    /// <summary>
    /// AWQ: columns that are multiplied with large activations are made larger, so that they lose less, and what feeds them
    /// smaller by the same factor. s = meanAbs^α, α by the least output error. Source: Lin et al. 2023.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="statistics">Activations; where a site has none, it is left alone.</param>
    /// <param name="options">What the weights will be rounded to, and how.</param>
    /// <param name="progress">Told of the share that is done, 0 to 1.</param>
    /// <param name="cancellation">Checked between two sites.</param>
    public static TransformedWeights Awq(
        ModelConfig config, IWeights weights, ActivationStatistics statistics, AwqOptions options, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Scale(config, weights, statistics, progress, cancellation, (site, known, editor) =>
        {
            (double strength, float[] scales, double before, double after) = new ScaleSearchByError(site, known, options).Find(editor);
            return (scales, new TransformStep(site.Name, strength, before, after));
        });
    }

    /// <summary>
    /// SmoothQuant: outliers of activations are moved into the weights, which have room for them, so that activations can be rounded
    /// to int8. s = max|x|^α / max|w|^(1−α) for each channel. Source: Xiao et al. 2022, §4, eq. 4.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="statistics">Activations; where a site has none, it is left alone.</param>
    /// <param name="strength">α, 0 … 1: how much of the difficulty is moved.</param>
    /// <param name="progress">Told of the share that is done, 0 to 1.</param>
    /// <param name="cancellation">Checked between two sites.</param>
    public static TransformedWeights SmoothQuant(
        ModelConfig config, IWeights weights, ActivationStatistics statistics, double strength = 0.5, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(strength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(strength, 1);
        return Scale(config, weights, statistics, progress, cancellation, (site, known, editor) =>
        {
            (float[] inputs, float[] columns) = (new float[site.Channels], LargestWeights(site, editor));
            for (int column = 0; column < site.Columns; column++)
            {
                inputs[site.ChannelOf(column)] = Math.Max(inputs[site.ChannelOf(column)], known.Max[column]);
            }

            float[] scales = [.. inputs.Zip(columns, (x, w) => x > 0 && w > 0 ? (float)Math.Max(Math.Pow(x, strength) / Math.Pow(w, 1 - strength), 1e-5) : 1)];
            return (scales, new TransformStep(site.Name, strength, double.NaN, double.NaN));
        });
    }

    /// <summary>
    /// Turns the residual stream by a random Hadamard matrix, after every norm's weight has been folded into the matrices that
    /// follow: outliers are spread over all channels. A tied embedding table gets an output projection of its own beside it.
    /// Source: Ashkboos et al. 2024 (QuaRot), §4, stage 1.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="seed">Which matrix.</param>
    /// <exception cref="NotSupportedException">Something other than plain norms and matrices touches the stream (GLM-4-0414's norms behind each branch, experts); the message names it.</exception>
    public static TransformedWeights Rotate(ModelConfig config, IWeights weights, int seed)
    {
        ArgumentNullException.ThrowIfNull(config);
        ResidualStream stream = ResidualStream.Of(Architecture.Build(config, weights, new GraphOptions()), out string reason)
            ?? throw new NotSupportedException($"{config.Architecture} cannot be rotated: {reason}");
        HadamardRotation rotation = new(config.Hidden, seed);
        WeightEditor editor = new(weights);
        bool isTied = stream.Readers.Any(reader => reader.Matrices.Any(matrix => matrix.Name == stream.Embedding));
        if (isTied)
        {
            Tensor table = weights.Get(stream.Embedding);
            editor.Overlay.Replace(HeadName, Tensor.Of(table.ToFloats(), [.. table.Shape.Dims]));
        }

        foreach ((WeightRows norm, List<WeightRows> matrices) in stream.Readers)
        {
            Tensor gains = editor.Edit(norm.Name);
            float[] factors = gains.ToFloats();
            foreach (WeightRows matrix in matrices)
            {
                WeightRows target = matrix.Name == stream.Embedding ? matrix with { Name = HeadName } : matrix;
                editor.ScaleColumns(target, factors);
                TurnRows(editor.Edit(target.Name), target, rotation);
            }

            gains.View.Floats.Fill(1);
            GC.KeepAlive(gains);
        }

        Tensor embedding = editor.Edit(stream.Embedding);
        TurnRows(embedding, new WeightRows(stream.Embedding, 0, embedding.Shape[0].Size), rotation);
        foreach (WeightRows writer in stream.Writers)
        {
            TurnColumns(editor.Edit(writer.Name), rotation);
        }

        foreach (WeightRows bias in stream.Biases)
        {
            Tensor tensor = editor.Edit(bias.Name);
            TurnRows(tensor.Reshape(1, config.Hidden), bias with { Start = 0, Count = 1 }, rotation);
        }

        return new TransformedWeights(config with { TiedEmbeddings = config.TiedEmbeddings && !isTied }, editor.Overlay, [new TransformStep("residual stream", 1, double.NaN, double.NaN)], [], []);
    }

    static TransformedWeights Scale(
        ModelConfig config,
        IWeights weights,
        ActivationStatistics statistics,
        IProgress<double>? progress,
        CancellationToken cancellation,
        Func<ScaleSite, ColumnStatistics, WeightEditor, (float[] Scales, TransformStep Step)> choose)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(statistics);
        (var sites, var refused) = ScaleSite.Of(Architecture.Build(config, weights, new GraphOptions()));
        WeightEditor editor = new(weights);
        List<TransformStep> steps = [];
        List<Refusal> left = [.. refused];
        Dictionary<string, float[]> columnScales = new(StringComparer.Ordinal);
        for (int i = 0; i < sites.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            ScaleSite site = sites[i];
            if (!statistics.TryGet(site.Consumers[0].Name, out ColumnStatistics? known) || known.Rows == 0)
            {
                left.Add(new Refusal(site.Name, "there are no statistics of what is multiplied with what follows."));
                continue;
            }

            (float[] scales, TransformStep step) = choose(site, known, editor);
            steps.Add(step);
            site.Fold(editor, scales);
            foreach (WeightRows consumer in site.Consumers)
            {
                columnScales[consumer.Name] = site.ByColumn(scales);
            }

            progress?.Report((i + 1.0) / sites.Length);
        }

        return new TransformedWeights(config, editor.Overlay, steps, left, columnScales);
    }

    /// <summary>Largest |w| of each channel over all that reads it.</summary>
    static float[] LargestWeights(ScaleSite site, WeightEditor editor)
    {
        float[] largest = new float[site.Channels], row = new float[site.Columns];
        foreach (WeightRows rows in site.Consumers)
        {
            Tensor weight = editor.Overlay.Get(rows.Name);
            for (int i = rows.Start; i < rows.Start + rows.Count; i++)
            {
                weight.View.ReadRow(i, row);
                for (int column = 0; column < row.Length; column++)
                {
                    ref float channel = ref largest[site.ChannelOf(column)];
                    channel = Math.Max(channel, Math.Abs(row[column]));
                }
            }

            GC.KeepAlive(weight);
        }

        return largest;
    }

    /// <summary>W · Q, row by row.</summary>
    static void TurnRows(Tensor weight, WeightRows rows, HadamardRotation rotation)
    {
        Parallel.For(rows.Start, rows.Start + rows.Count, i =>
        {
            Span<float> row = weight.View.Row(i);
            double[] turned = new double[row.Length];
            for (int column = 0; column < row.Length; column++)
            {
                turned[column] = row[column];
            }

            rotation.Apply(turned);
            for (int column = 0; column < row.Length; column++)
            {
                row[column] = (float)turned[column];
            }
        });
        GC.KeepAlive(weight);
    }

    /// <summary>Qᵀ · W, column by column.</summary>
    static void TurnColumns(Tensor weight, HadamardRotation rotation)
    {
        Parallel.For(0, weight.Shape.Last.Size, column =>
        {
            TensorView view = weight.View;
            double[] turned = new double[rotation.Size];
            for (int row = 0; row < turned.Length; row++)
            {
                turned[row] = view.Row(row)[column];
            }

            rotation.Apply(turned);
            for (int row = 0; row < turned.Length; row++)
            {
                view.Row(row)[column] = (float)turned[row];
            }
        });
        GC.KeepAlive(weight);
    }
}
