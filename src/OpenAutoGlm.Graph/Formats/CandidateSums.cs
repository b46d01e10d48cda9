using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// <see cref="FitSums"/> and errors of sixteen candidates at once, one in each lane, to the same bits as one by one: the
/// values of a group are broadcast, so nothing has to be added across lanes.
/// <para>
/// One by one, a group is added in eight lanes and then the lanes in a tree, see <see cref="FitSums.Sum"/>. Here those
/// eight sums follow one another and are added in the order of that tree.
/// </para>
/// </summary>
/// <param name="Q">Σ w · q.</param>
/// <param name="XQ">Σ w · x · q.</param>
/// <param name="QQ">Σ w · q².</param>
readonly record struct CandidateSums(Vector512<float> Q, Vector512<float> XQ, Vector512<float> QQ)
{
    /// <summary>Candidates in one go.</summary>
    public const int Count = 16;

    const int SummedLanes = 8;

    /// <summary>The best scales where the minimum is 0.</summary>
    public Vector512<float> Scale => Vector512.ConditionalSelect(Vector512.GreaterThan(QQ, default), XQ / QQ, default);

    /// <summary>Sums of other elements of the group.</summary>
    public static CandidateSums operator +(CandidateSums left, CandidateSums right) => new(left.Q + right.Q, left.XQ + right.XQ, left.QQ + right.QQ);

    /// <summary>The sums with the codes nearest to (x − minimum) · inverse.</summary>
    /// <param name="values">The values of a group, a multiple of eight.</param>
    /// <param name="weights">What their squared errors count.</param>
    /// <param name="levels">The codes.</param>
    /// <param name="inverse">By candidate: 1 / scale.</param>
    /// <param name="minimum">By candidate.</param>
    public static CandidateSums Of<TLevels>(
        ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, Vector512<float> inverse, Vector512<float> minimum)
        where TLevels : struct, ILevels
    {
        CandidateSums even = (Lane(0, values, weights, levels, inverse, minimum) + Lane(4, values, weights, levels, inverse, minimum))
            + (Lane(2, values, weights, levels, inverse, minimum) + Lane(6, values, weights, levels, inverse, minimum));
        CandidateSums odd = (Lane(1, values, weights, levels, inverse, minimum) + Lane(5, values, weights, levels, inverse, minimum))
            + (Lane(3, values, weights, levels, inverse, minimum) + Lane(7, values, weights, levels, inverse, minimum));
        return even + odd;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static CandidateSums Lane(int lane, ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, Vector512<float> inverse, Vector512<float> minimum)
        {
            Vector512<float> q = default, xq = default, qq = default;
            for (int i = lane; i < values.Length; i += SummedLanes)
            {
                var x = Vector512.Create(values[i]);
                Vector512<float> code = levels.Nearest((x - minimum) * inverse);
                Vector512<float> weighted = Vector512.Create(weights[i]) * code;
                q += weighted;
                xq += weighted * x;
                qq += weighted * code;
            }

            return new CandidateSums(q, xq, qq);
        }
    }

    /// <summary>Σ w · (x − scale · code − minimum)² with the nearest codes.</summary>
    public static Vector512<float> Errors<TLevels>(
        ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, Vector512<float> scale, Vector512<float> minimum)
        where TLevels : struct, ILevels
    {
        Vector512<float> inverse = Vector512.AndNot(Vector512<float>.One / scale, Vector512.Equals(scale, default));
        Vector512<float> even = (Lane(0, values, weights, levels, scale, inverse, minimum) + Lane(4, values, weights, levels, scale, inverse, minimum))
            + (Lane(2, values, weights, levels, scale, inverse, minimum) + Lane(6, values, weights, levels, scale, inverse, minimum));
        Vector512<float> odd = (Lane(1, values, weights, levels, scale, inverse, minimum) + Lane(5, values, weights, levels, scale, inverse, minimum))
            + (Lane(3, values, weights, levels, scale, inverse, minimum) + Lane(7, values, weights, levels, scale, inverse, minimum));
        return even + odd;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector512<float> Lane(
            int lane, ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, Vector512<float> scale, Vector512<float> inverse, Vector512<float> minimum)
        {
            Vector512<float> error = default;
            for (int i = lane; i < values.Length; i += SummedLanes)
            {
                Vector512<float> x = Vector512.Create(values[i]) - minimum;
                Vector512<float> difference = x - (levels.Nearest(x * inverse) * scale);
                error += difference * difference * Vector512.Create(weights[i]);
            }

            return error;
        }
    }

    /// <inheritdoc cref="FitSums.ScaleAndMinimum"/>
    /// <param name="all">What is the same for all candidates: Σ w and Σ w · x.</param>
    /// <param name="highest">The highest minimum.</param>
    public (Vector512<float> Scale, Vector512<float> Minimum) ScaleAndMinimum(FitSums all, float highest)
    {
        (Vector512<float> w, Vector512<float> x, var limit) = (Vector512.Create(all.W), Vector512.Create(all.X), Vector512.Create(highest));
        Vector512<float> determinant = (w * QQ) - (Q * Q);
        Vector512<float> minimum = ((QQ * x) - (Q * XQ)) / determinant;
        Vector512<float> free = Vector512.LessThanOrEqual(minimum, limit);
        Vector512<float> scale = Vector512.ConditionalSelect(free, ((w * XQ) - (x * Q)) / determinant, (XQ - (limit * Q)) / QQ);
        Vector512<float> solved = Vector512.GreaterThan(determinant, default);
        return (scale & solved, Vector512.ConditionalSelect(free, minimum, limit) & solved);
    }

    /// <inheritdoc cref="FitSums.Gain"/>
    public Vector512<float> Gain(Vector512<float> scale) => scale * ((2 * XQ) - (scale * QQ));

    /// <inheritdoc cref="FitSums.Gain"/>
    public Vector512<float> Gain(FitSums all, Vector512<float> scale, Vector512<float> minimum) =>
        Gain(scale) + (minimum * (Vector512.Create(2 * all.X) - (minimum * Vector512.Create(all.W)) - (2 * scale * Q)));
}

/// <summary>The first of the candidates that gain most.</summary>
ref struct BestCandidate
{
    readonly float _leastGain;
    Vector512<float> _gains;
    Vector512<float> _scales;
    Vector512<float> _minimums;
    Vector512<int> _rounds;
    int _round;

    /// <summary>None yet.</summary>
    /// <param name="leastGain">What the first one has to exceed.</param>
    public BestCandidate(float leastGain)
    {
        _leastGain = leastGain;
        _gains = Vector512.Create(leastGain);
    }

    /// <summary>Sixteen more.</summary>
    /// <param name="gains">What they gain; NaN is never the most.</param>
    /// <param name="scales">Their scales.</param>
    /// <param name="minimums">Their minimums.</param>
    /// <param name="allowed">Which may be taken; null for all.</param>
    public void Offer(Vector512<float> gains, Vector512<float> scales, Vector512<float> minimums, Vector512<float>? allowed = null)
    {
        Vector512<float> better = Vector512.GreaterThan(gains, _gains);
        better = allowed is { } some ? better & some : better;
        _gains = Vector512.ConditionalSelect(better, gains, _gains);
        _scales = Vector512.ConditionalSelect(better, scales, _scales);
        _minimums = Vector512.ConditionalSelect(better, minimums, _minimums);
        _rounds = Vector512.ConditionalSelect(better.AsInt32(), Vector512.Create(_round), _rounds);
        _round++;
    }

    /// <summary>The best one; where none exceeded the least gain, what is given instead.</summary>
    public readonly (float Scale, float Minimum, float Gain) Take(float scale, float minimum)
    {
        Vector256<float> eight = Vector256.MaxNative(_gains.GetLower(), _gains.GetUpper());
        Vector128<float> four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        float most = MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
        if (!(most > _leastGain))
        {
            return (scale, minimum, _leastGain);
        }

        ulong equal = Vector512.Equals(_gains, Vector512.Create(most)).ExtractMostSignificantBits();
        int first = BitOperations.TrailingZeroCount(equal);
        for (equal &= equal - 1; equal != 0; equal &= equal - 1)
        {
            int lane = BitOperations.TrailingZeroCount(equal);
            first = _rounds[lane] < _rounds[first] ? lane : first;
        }

        return (_scales[first], _minimums[first], most);
    }
}
