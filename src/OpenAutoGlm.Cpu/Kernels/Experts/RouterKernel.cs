using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Experts;

/// <summary>
/// The choice of experts, in float64 and scalar as in the op's reference: it is a thousandth of the work around it, and
/// a choice must not hang on the last bit of a float32.
/// </summary>
sealed unsafe class RouterKernel(string name, WorkerPool pool, Router op, int experts) : RowKernel(name, pool)
{
    readonly double[][] _scores = [.. Enumerable.Range(0, pool.Threads).Select(_ => new double[experts])];
    readonly bool[][] _taken = [.. Enumerable.Range(0, pool.Threads).Select(_ => new bool[experts])];

    protected override int RowElements => experts * op.Used;

    protected override void Row(int token, int worker)
    {
        (double[] scores, bool[] taken) = (_scores[worker], _taken[worker]);
        float* bias = Inputs[1].Rank > 0 ? (float*)Inputs[1].Data : null;
        int* chosen = (int*)Outputs[0].Data + ((long)token * op.Used);
        float* weights = (float*)Outputs[1].Data + ((long)token * op.Used);
        Score(Inputs[0].Row(token), scores);
        Array.Clear(taken);
        double sum = 0;
        for (int i = 0; i < op.Used; i++)
        {
            int best = -1;
            double bestScore = double.NegativeInfinity;
            for (int expert = 0; expert < scores.Length; expert++)
            {
                double score = scores[expert] + (bias is null ? 0 : bias[expert]);
                if (!taken[expert] && (best < 0 || score > bestScore))
                {
                    (best, bestScore) = (expert, score);
                }
            }

            taken[best] = true;
            chosen[i] = best;
            sum += scores[best];
        }

        for (int i = 0; i < op.Used; i++)
        {
            weights[i] = (float)(scores[chosen[i]] / (op.Renormalise ? sum : 1) * op.Scale);
        }
    }

    void Score(ReadOnlySpan<float> logits, double[] scores)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            scores[i] = op.Scoring == RouterScoring.Softmax ? Math.Exp(logits[i] - largest) : 1 / (1 + Math.Exp(-(double)logits[i]));
            sum += scores[i];
        }

        for (int i = 0; i < logits.Length && op.Scoring == RouterScoring.Softmax; i++)
        {
            scores[i] /= sum;
        }
    }
}
