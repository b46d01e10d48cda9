using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// Float64 arithmetic on rows of logits: log p_i = l_i − ln Σ exp l_j. Eight lanes are summed and added at the end, in the same
/// order on every machine and with any number of threads.
/// </summary>
static class LogProbabilities
{
    const int Lanes = 8;

    /// <summary>ln Σ exp l_i, safe against overflow. NaN where a logit is NaN or +∞, and where all are −∞.</summary>
    internal static double LogSum(ReadOnlySpan<float> logits)
    {
        double largest = Largest(logits);
        if (!double.IsFinite(largest))
        {
            return double.NaN;
        }

        Vector512<double> shift = Vector512.Create(largest);
        Vector512<double> sums = Vector512<double>.Zero;
        int i = 0;
        for (; i <= logits.Length - Lanes; i += Lanes)
        {
            sums += Vector512.Exp(Load(logits, i) - shift);
        }

        double sum = Vector512.Sum(sums);
        for (; i < logits.Length; i++)
        {
            sum += Math.Exp(logits[i] - largest);
        }

        return largest + Math.Log(sum);
    }

    /// <summary>
    /// KL(p ‖ q) = Σ p_i (log p_i − log q_i) in nats, p and q given by logits and their <see cref="LogSum"/>; what p excludes
    /// counts nothing, what q alone excludes makes it infinite. Zero exactly where both rows are the same.
    /// </summary>
    internal static double Divergence(ReadOnlySpan<float> p, double pSum, ReadOnlySpan<float> q, double qSum)
    {
        Vector512<double> pSums = Vector512.Create(pSum);
        Vector512<double> qSums = Vector512.Create(qSum);
        Vector512<double> sums = Vector512<double>.Zero;
        int i = 0;
        for (; i <= p.Length - Lanes; i += Lanes)
        {
            Vector512<double> log = Load(p, i) - pSums;
            Vector512<double> share = Vector512.Exp(log);
            Vector512<double> term = share * (log - (Load(q, i) - qSums));
            sums += Vector512.ConditionalSelect(Vector512.Equals(share, Vector512<double>.Zero), Vector512<double>.Zero, term);
        }

        double sum = Vector512.Sum(sums);
        for (; i < p.Length; i++)
        {
            double log = p[i] - pSum;
            double share = Math.Exp(log);
            sum += share == 0 ? 0 : share * (log - (q[i] - qSum));
        }

        return Math.Max(0, sum);
    }

    /// <summary>The likeliest token; the lower id on a tie.</summary>
    internal static int Top(ReadOnlySpan<float> logits) => logits.IndexOf((float)Largest(logits));

    static double Largest(ReadOnlySpan<float> logits)
    {
        Vector512<float> most = Vector512.Create(float.NegativeInfinity);
        int i = 0;
        for (; i <= logits.Length - (2 * Lanes); i += 2 * Lanes)
        {
            // Max propagates NaN.
            most = Vector512.Max(most, Vector512.Create(logits.Slice(i, 2 * Lanes)));
        }

        float largest = float.NegativeInfinity;
        for (int lane = 0; lane < 2 * Lanes; lane++)
        {
            largest = MathF.Max(largest, most[lane]);
        }

        for (; i < logits.Length; i++)
        {
            largest = MathF.Max(largest, logits[i]);
        }

        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<double> Load(ReadOnlySpan<float> values, int at)
    {
        Vector256<float> narrow = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)at);
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(narrow);
        return Vector512.Create(low, high);
    }
}
