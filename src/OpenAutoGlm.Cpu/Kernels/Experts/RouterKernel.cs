using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Experts;

/// <summary>The choice of experts, every token by itself.</summary>
sealed unsafe class RouterKernel(string name, WorkerPool pool, Router op, int experts) : RowKernel(name, pool)
{
    readonly ExpertChoice[] _choices = [.. Enumerable.Range(0, pool.Threads).Select(_ => new ExpertChoice(op, experts))];

    protected override int RowElements => experts * op.Used;

    protected override void Row(int token, int worker) => _choices[worker].Choose(
        Inputs[0].Row(token),
        Inputs[1].Rank > 0 ? (float*)Inputs[1].Data : null,
        (int*)Outputs[0].Data + ((long)token * op.Used),
        (float*)Outputs[1].Data + ((long)token * op.Used));
}

/// <summary>
/// The choice for one token, in float64 and scalar as in the op's reference: it is a thousandth of the work around it,
/// and a choice must not hang on the last bit of a float32. One thread at a time.
/// </summary>
sealed unsafe class ExpertChoice(Router op, int experts)
{
    readonly double[] _scores = new double[experts];
    readonly bool[] _taken = new bool[experts];

    internal void Choose(ReadOnlySpan<float> logits, float* bias, int* chosen, float* weights)
    {
        Score(logits);
        Array.Clear(_taken);
        double sum = 0;
        for (int i = 0; i < op.Used; i++)
        {
            int best = -1;
            double bestScore = double.NegativeInfinity;
            for (int expert = 0; expert < _scores.Length; expert++)
            {
                double score = _scores[expert] + (bias is null ? 0 : bias[expert]);
                if (!_taken[expert] && (best < 0 || score > bestScore))
                {
                    (best, bestScore) = (expert, score);
                }
            }

            _taken[best] = true;
            chosen[i] = best;
            sum += _scores[best];
        }

        for (int i = 0; i < op.Used; i++)
        {
            weights[i] = (float)(_scores[chosen[i]] / (op.Renormalise ? sum : 1) * op.Scale);
        }
    }

    void Score(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            _scores[i] = op.Scoring == RouterScoring.Softmax ? Math.Exp(logits[i] - largest) : 1 / (1 + Math.Exp(-(double)logits[i]));
            sum += _scores[i];
        }

        for (int i = 0; i < logits.Length && op.Scoring == RouterScoring.Softmax; i++)
        {
            _scores[i] /= sum;
        }
    }
}
