using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>
/// Causal attention within sequences that are packed one behind another: y[t, h] = Σ_j p_j · v_j with
/// p = softmax_j(Scale · q[t, h] · k_j) over the tokens j from the first of t's sequence (not farther back than Window − 1
/// tokens, if Window &gt; 0) to t; head h reads KV head h · kvHeads / heads. queries: [tokens, heads, headDim]; keys,
/// values: [tokens, kvHeads, headDim]; starts: [tokens] I32, the row in which the token's sequence begins → y: [tokens,
/// heads, headDim]; log of the sums of e^score: [tokens, heads], which the backward pass needs.
/// Source: Vaswani et al. 2017, §3.2; Dao et al. 2022, §3.1.
/// </summary>
public sealed record CausalAttention(float Scale, int Window = 0) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(4, inputs);
        RequireF32(inputs, 0, 1, 2);
        (Shape q, Shape k) = (inputs[0].Shape, inputs[1].Shape);
        Require(q.Rank == 3 && k.Rank == 3 && inputs[1] == inputs[2] && q[0] == k[0] && q[2] == k[2], inputs, "must be [tokens, heads, headDim] and twice [tokens, kvHeads, headDim]");
        Require(q[1].Size % k[1].Size == 0, inputs, "KV heads must divide the heads");
        Require(inputs[3] == TensorType.I32(q[0]), inputs, "starts must be I32 [tokens]");
        return [inputs[0], TensorType.F32(q[0], q[1])];
    }

    /// <summary>The first row that a token sees.</summary>
    public int FirstSeen(int token, int start) => Window > 0 ? Math.Max(start, token - Window + 1) : start;

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int heads, int kvHeads, int headDim) = (inputs[0][1], inputs[1][1], inputs[0][2]);
        double[] sums = new double[headDim];
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            (int token, int head) = (row / heads, row % heads);
            int kvHead = head / (heads / kvHeads);
            int first = FirstSeen(token, inputs[3].Ints[token]);
            double[] scores = new double[token + 1 - first];
            for (int j = first; j <= token; j++)
            {
                scores[j - first] = Scale * MatMul.Dot(inputs[0].Row(row), inputs[1].Row((j * kvHeads) + kvHead));
            }

            double largest = scores.Max();
            double total = scores.Sum(score => Math.Exp(score - largest));
            Array.Clear(sums);
            for (int j = first; j <= token; j++)
            {
                double share = Math.Exp(scores[j - first] - largest) / total;
                ReadOnlySpan<float> value = inputs[2].Row((j * kvHeads) + kvHead);
                for (int d = 0; d < headDim; d++)
                {
                    sums[d] += share * value[d];
                }
            }

            Gradients.Store(sums, outputs[0].Row(row));
            outputs[1].Floats[row] = (float)(largest + Math.Log(total));
        }
    }
}

/// <summary>
/// What causal attention hands back: with p as in <see cref="CausalAttention"/> and s the scaled score,
/// dv_j = Σ p_j · dy, ds_j = p_j (dy · v_j − dy · y), dq = Scale · Σ ds_j · k_j, dk_j = Scale · Σ ds_j · q, sums over all tokens and
/// heads that see j. Inputs: queries, keys, values, starts, y, log-sums, dy → dq, dk, dv. Source: Dao et al. 2022, appendix B.2.
/// </summary>
public sealed record CausalAttentionGradient(float Scale, int Window = 0) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(7, inputs);
        RequireF32(inputs, 4, 5, 6);
        ImmutableArray<TensorType> forward = new CausalAttention(Scale, Window).Infer(inputs[..4]);
        Require(inputs[4] == forward[0] && inputs[6] == forward[0] && inputs[5] == forward[1], inputs, "y, log-sums and dy must be as the attention gave them");
        return [inputs[0], inputs[1], inputs[2]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        CausalAttention forward = new(Scale, Window);
        (int heads, int kvHeads, int headDim) = (inputs[0][1], inputs[1][1], inputs[0][2]);
        double[] dk = new double[inputs[1].RowCount * headDim];
        double[] dv = new double[inputs[1].RowCount * headDim];
        double[] dq = new double[headDim];
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            (int token, int head) = (row / heads, row % heads);
            int kvHead = head / (heads / kvHeads);
            ReadOnlySpan<float> query = inputs[0].Row(row);
            ReadOnlySpan<float> dy = inputs[6].Row(row);
            double delta = MatMul.Dot(dy, inputs[4].Row(row));
            Array.Clear(dq);
            for (int j = forward.FirstSeen(token, inputs[3].Ints[token]); j <= token; j++)
            {
                int at = (j * kvHeads) + kvHead;
                ReadOnlySpan<float> key = inputs[1].Row(at);
                double share = Math.Exp((Scale * MatMul.Dot(query, key)) - inputs[5].Floats[row]);
                double ds = Scale * share * (MatMul.Dot(dy, inputs[2].Row(at)) - delta);
                for (int d = 0; d < headDim; d++)
                {
                    dq[d] += ds * key[d];
                    dk[(at * headDim) + d] += ds * query[d];
                    dv[(at * headDim) + d] += share * dy[d];
                }
            }

            Gradients.Store(dq, outputs[0].Row(row));
        }

        Gradients.Store(dk, outputs[1].Floats);
        Gradients.Store(dv, outputs[2].Floats);
    }
}
