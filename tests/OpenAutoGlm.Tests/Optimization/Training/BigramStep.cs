using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>
/// The smallest language model: a table of logits of the next token for each token, and a bias. Its gradient is known:
/// softmax less one. What it is told lies in parameters of three kinds, so that rules by name and shape show.
/// </summary>
sealed class BigramStep : ITrainingStep
{
    readonly int _vocab;
    readonly Tensor _table;
    readonly Tensor _bias;

    public BigramStep(int vocab, ulong seed = 1, int maxTokens = 4096)
    {
        (_vocab, MaxTokens) = (vocab, maxTokens);
        TrainedParameter Parameter(string name, params Dim[] dims) => new(name, Tensor.Allocate(TensorFormat.F32, dims), Tensor.Allocate(TensorFormat.F32, dims));
        Parameters = [Parameter("blk.0.table.weight", vocab, vocab), Parameter("blk.0.table.bias", vocab)];
        (_table, _bias) = (Parameters[0].Weight, Parameters[1].Weight);
        Draws draws = new(seed);
        foreach (ref float weight in _table.View.Floats)
        {
            weight = (draws.Below(2001) - 1000) * 1e-4f;
        }
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    public int MaxTokens { get; }

    /// <summary>What the gradients are multiplied by, to make them overflow.</summary>
    public Func<double> Fault { get; set; } = () => 1;

    public BatchLoss Accumulate(TrainingBatch batch, double scale)
    {
        double fault = Fault();
        return Go(batch, (row, target, weight, probabilities) =>
        {
            Span<float> gradient = Parameters[0].Gradient.View.Row(row);
            Span<float> bias = Parameters[1].Gradient.View.Floats;
            for (int i = 0; i < _vocab; i++)
            {
                float by = (float)(scale * fault * weight * (probabilities[i] - (i == target ? 1 : 0)));
                gradient[i] += by;
                bias[i] += by;
            }
        });
    }

    public BatchLoss Evaluate(TrainingBatch batch) => Go(batch, (_, _, _, _) => { });

    public void Dispose()
    {
    }

    BatchLoss Go(TrainingBatch batch, Action<int, int, float, double[]> learn)
    {
        BatchLoss loss = default;
        double[] probabilities = new double[_vocab];
        for (int t = 0; t < batch.Ids.Length; t++)
        {
            if (batch.Weights[t] == 0)
            {
                continue;
            }

            ReadOnlySpan<float> row = _table.View.Row(batch.Ids[t]);
            double sum = 0;
            for (int i = 0; i < _vocab; i++)
            {
                sum += probabilities[i] = Math.Exp(row[i] + _bias.View.Floats[i]);
            }

            for (int i = 0; i < _vocab; i++)
            {
                probabilities[i] /= sum;
            }

            loss += new BatchLoss(-Math.Log(probabilities[batch.Targets[t]]) * batch.Weights[t], batch.Weights[t]);
            learn(batch.Ids[t], batch.Targets[t], batch.Weights[t], probabilities);
        }

        return loss;
    }
}
