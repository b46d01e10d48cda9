using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>
/// What the experts' products hand back to their rows: dx[t(, j)] = dy[t, j] · w[chosen[t, j]], summed over j in rising order unless
/// RowForEach. dy: [tokens, used, out]; w: [experts, out, in] in any format; chosen: [tokens, used] I32 → dx: [tokens, in], or
/// [tokens, used, in] if RowForEach.
/// </summary>
public sealed record ExpertInputGradient(bool RowForEach) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0);
        (Shape dy, Shape w, Shape chosen) = (inputs[0].Shape, inputs[1].Shape, inputs[2].Shape);
        Require(dy.Rank == 3 && w.Rank == 3 && chosen == new Shape(dy[0], dy[1]) && dy[2] == w[1], inputs, "must be [tokens, used, out], [experts, out, in] and [tokens, used]");
        Require(inputs[2].Format == TensorFormat.I32, inputs, "chosen must be I32");
        return [RowForEach ? TensorType.F32(dy[0], dy[1], w[2]) : TensorType.F32(dy[0], w[2])];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        int used = inputs[2].RowLength;
        double[] sums = new double[outputs[0].RowLength];
        float[] weight = new float[sums.Length];
        for (int pair = 0; pair < inputs[0].RowCount; pair++)
        {
            if (RowForEach || pair % used == 0)
            {
                Array.Clear(sums);
            }

            TensorView expert = inputs[1].Part(inputs[2].Ints[pair]);
            ReadOnlySpan<float> dy = inputs[0].Row(pair);
            for (int n = 0; n < dy.Length; n++)
            {
                expert.ReadRow(n, weight);
                for (int i = 0; i < sums.Length; i++)
                {
                    sums[i] += (double)dy[n] * weight[i];
                }
            }

            Gradients.Store(sums, outputs[0].Row(RowForEach ? pair : pair / used));
        }
    }
}

/// <summary>
/// What the experts' products add to the gradients of their weights: dw[chosen[t, j]] += dy[t, j]ᵀ · x[t(, j)]. dw: [experts, out, in],
/// in place; dy: [tokens, used, out]; x: [tokens, in] or [tokens, used, in]; chosen: [tokens, used] I32.
/// </summary>
public sealed record ExpertWeightGradient : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(4, inputs);
        RequireF32(inputs, 0, 1, 2);
        TensorType product = new ExpertMatMul().Infer([inputs[2], inputs[0], inputs[3]])[0];
        Require(product == inputs[1], inputs, "dy must be [tokens, used, out]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorView x = inputs[2];
        ReadOnlySpan<int> chosen = inputs[3].Ints;
        int used = inputs[3].RowLength;
        (int rows, int length) = (outputs[0][1], outputs[0][2]);
        double[] sums = new double[length];
        for (int row = 0; row < outputs[0].RowCount; row++)
        {
            Array.Clear(sums);
            for (int pair = 0; pair < chosen.Length; pair++)
            {
                if (chosen[pair] == row / rows)
                {
                    double dy = inputs[1].Row(pair)[row % rows];
                    ReadOnlySpan<float> from = x.Row(x.Rank == 3 ? pair : pair / used);
                    for (int i = 0; i < length; i++)
                    {
                        sums[i] += dy * from[i];
                    }
                }
            }

            Gradients.Add(sums, outputs[0].Row(row));
        }
    }
}

/// <summary>
/// What putting the experts' answers together hands back: dx[t, j] = weights[t, j] · dy[t], dweights[t, j] = x[t, j] · dy[t]. x: [tokens,
/// used, n]; weights: [tokens, used]; dy: [tokens, n] → dx, dweights.
/// </summary>
public sealed record CombineExpertsGradient : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1, 2);
        Require(inputs[2] == new CombineExperts().Infer(inputs[..2])[0], inputs, "dy must be [tokens, n]");
        return [inputs[0], inputs[1]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        int used = inputs[0][1];
        for (int pair = 0; pair < inputs[0].RowCount; pair++)
        {
            ReadOnlySpan<float> dy = inputs[2].Row(pair / used);
            float weight = inputs[1].Floats[pair];
            Span<float> dx = outputs[0].Row(pair);
            outputs[1].Floats[pair] = (float)MatMul.Dot(inputs[0].Row(pair), dy);
            for (int i = 0; i < dx.Length; i++)
            {
                dx[i] = weight * dy[i];
            }
        }
    }
}

/// <summary>
/// What the shares of the chosen experts hand back to the router's logits; the choice itself has no gradient. With scores s of the
/// chosen and c = Scale / Σ s if Renormalise, else Scale: ds_i = c · (dshare_i − Σ_j dshare_j · s_j / Σ s) (without the last term if not
/// Renormalise); through a sigmoid, dlogit = ds · s (1 − s); through a softmax over all experts, dlogit_e = s_e (ds_e − Σ ds · s), ds
/// being 0 for those not chosen. logits: [tokens, experts]; chosen: [tokens, Used] I32; dshares: [tokens, Used] → dlogits: [tokens, experts].
/// </summary>
public sealed record RouterGradient(RouterScoring Scoring, bool Renormalise, float Scale) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 2);
        Require(
            inputs[0].Shape.Rank == 2 && inputs[1].Shape == inputs[2].Shape && inputs[1].Format == TensorFormat.I32 && inputs[1].Shape[0] == inputs[0].Shape[0],
            inputs,
            "must be [tokens, experts], I32 [tokens, used] and [tokens, used]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int experts, int used) = (inputs[0].RowLength, inputs[1].RowLength);
        double[] scores = new double[experts];
        double[] ds = new double[experts];
        for (int token = 0; token < inputs[0].RowCount; token++)
        {
            ReadOnlySpan<float> logits = inputs[0].Row(token);
            ReadOnlySpan<int> chosen = inputs[1].Ints.Slice(token * used, used);
            ReadOnlySpan<float> dshares = inputs[2].Row(token);
            double logSum = CrossEntropy.LogSum(logits, 1);
            for (int e = 0; e < experts; e++)
            {
                scores[e] = Scoring == RouterScoring.Softmax ? Math.Exp(logits[e] - logSum) : Activate.Of(Activation.Sigmoid, logits[e]);
            }

            (double sum, double along) = (0, 0);
            for (int i = 0; i < used; i++)
            {
                sum += scores[chosen[i]];
                along += dshares[i] * scores[chosen[i]];
            }

            Array.Clear(ds);
            double mean = 0;
            for (int i = 0; i < used; i++)
            {
                ds[chosen[i]] = Renormalise ? Scale / sum * (dshares[i] - (along / sum)) : Scale * dshares[i];
                mean += ds[chosen[i]] * scores[chosen[i]];
            }

            Span<float> gradient = outputs[0].Row(token);
            for (int e = 0; e < experts; e++)
            {
                gradient[e] = (float)(scores[e] * (Scoring == RouterScoring.Softmax ? ds[e] - mean : ds[e] * (1 - scores[e])));
            }
        }
    }
}
