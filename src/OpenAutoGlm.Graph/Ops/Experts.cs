using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>How router logits become the scores of experts.</summary>
public enum RouterScoring
{
    /// <summary>Softmax over all experts (Qwen3-MoE).</summary>
    Softmax,

    /// <summary>A sigmoid for each expert (GLM-4.5, after DeepSeek-V3).</summary>
    Sigmoid,
}

/// <summary>
/// Chooses experts for every token. logits: [tokens, experts]; bias: [experts], optional, added to the scores for the
/// choice only → chosen: [tokens, Used] I32 by falling score (the lower index on a tie), weights: [tokens, Used] F32:
/// the scores without bias, divided by their sum over the chosen if Renormalise, times Scale.
/// </summary>
public sealed record Router(RouterScoring Scoring, int Used, bool Renormalise, float Scale) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Require(inputs.Length is 1 or 2 && inputs[0].Shape.Rank == 2, inputs, "needs logits [tokens, experts] and at most a bias");
        RequireF32(inputs, 0);
        Require(Used >= 1 && Used <= inputs[0].Shape.Last.Size, inputs, $"cannot choose {Used}");
        Require(
            inputs.Length == 1 || (inputs[1].Format == TensorFormat.F32 && inputs[1].Shape.Rank == 1 && inputs[1].Shape.Last == inputs[0].Shape.Last),
            inputs,
            "the bias must be F32 [experts]");
        return [TensorType.I32(inputs[0].Shape[0], Used), TensorType.F32(inputs[0].Shape[0], Used)];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        int experts = inputs[0].RowLength;
        double[] scores = new double[experts];
        bool[] taken = new bool[experts];
        for (int token = 0; token < inputs[0].RowCount; token++)
        {
            Score(inputs[0].Row(token), scores);
            Array.Clear(taken);
            Span<int> chosen = outputs[0].Ints.Slice(token * Used, Used);
            Span<float> weights = outputs[1].Row(token);
            double sum = 0;
            for (int i = 0; i < Used; i++)
            {
                int best = -1;
                double bestScore = double.NegativeInfinity;
                for (int expert = 0; expert < experts; expert++)
                {
                    double score = scores[expert] + (inputs.Length > 1 ? inputs[1].Floats[expert] : 0);
                    if (!taken[expert] && (best < 0 || score > bestScore))
                    {
                        best = expert;
                        bestScore = score;
                    }
                }

                taken[best] = true;
                chosen[i] = best;
                sum += scores[best];
            }

            for (int i = 0; i < Used; i++)
            {
                weights[i] = (float)(scores[chosen[i]] / (Renormalise ? sum : 1) * Scale);
            }
        }
    }

    void Score(ReadOnlySpan<float> logits, Span<double> scores)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            scores[i] = Scoring == RouterScoring.Softmax ? Math.Exp(logits[i] - largest) : 1 / (1 + Math.Exp(-(double)logits[i]));
            sum += scores[i];
        }

        for (int i = 0; i < logits.Length && Scoring == RouterScoring.Softmax; i++)
        {
            scores[i] /= sum;
        }
    }
}

/// <summary>
/// The experts' answers put together: y[t] = Σ_j weights[t, j] · x[t, j], in rising j. x: [tokens, used, n];
/// weights: [tokens, used] → y: [tokens, n].
/// </summary>
public sealed record CombineExperts : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0, 1);
        Shape x = inputs[0].Shape;
        Require(x.Rank == 3 && inputs[1].Shape == new Shape(x[0], x[1]), inputs, "must be [tokens, used, n] and [tokens, used]");
        return [TensorType.F32(x[0], x[2])];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        int used = inputs[0][1];
        for (int token = 0; token < outputs[0].RowCount; token++)
        {
            Span<float> y = outputs[0].Row(token);
            for (int n = 0; n < y.Length; n++)
            {
                double sum = 0;
                for (int j = 0; j < used; j++)
                {
                    sum += (double)inputs[1].Row(token)[j] * inputs[0].Row((token * used) + j)[n];
                }

                y[n] = (float)sum;
            }
        }
    }
}
