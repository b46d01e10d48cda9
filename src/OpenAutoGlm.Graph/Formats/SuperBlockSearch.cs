using System.Numerics;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// Finds what a block with scales in two steps stores: F16 scales d and dmin for the block, and a small integer s, or s
/// and m, for every group, in x ≈ d · s · q − dmin · m. Each group first gets its own best scale and minimum, and the
/// largest of them fix d and dmin. Then, in turn, every group moves to the best neighbouring s and m, and d and dmin are
/// fitted again to all groups together.
/// </summary>
ref struct SuperBlockSearch<TLevels>
    where TLevels : struct, ILevels
{
    const int MaxGroups = 16;
    const int Passes = 3;

    // Candidates are five s upwards from a first one, with three m around the middle one each.
    const int Climb = 5;
    const int Around = 3;
    const ulong Steps = 0b001_001_001_001;

    readonly ReadOnlySpan<float> _values;
    readonly ReadOnlySpan<float> _weights;
    readonly TLevels _levels;
    readonly int _groupElements;
    readonly int _leastS;
    readonly int _greatestS;
    readonly Span<int> _s;
    readonly Span<int> _m;

    static ReadOnlySpan<float> ClimbingS => [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4];

    static ReadOnlySpan<float> AroundM => [-1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, 1];

    /// <summary>Searches at once.</summary>
    /// <param name="values">The values of the block.</param>
    /// <param name="weights">What their squared errors count.</param>
    /// <param name="levels">What q can be.</param>
    /// <param name="leastS">The least s: 0, or negative where s has a sign.</param>
    /// <param name="greatestS">The greatest s, and the greatest m.</param>
    /// <param name="s">Receives s of every group.</param>
    /// <param name="m">Receives m of every group; empty where there are no minimums.</param>
    public SuperBlockSearch(
        ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, int leastS, int greatestS, Span<int> s, Span<int> m)
    {
        _values = values;
        _weights = weights;
        _levels = levels;
        _groupElements = values.Length / s.Length;
        _leastS = leastS;
        _greatestS = greatestS;
        _s = s;
        _m = m;
        Start();
        Refine();
    }

    /// <summary>The scale of s, exactly representable as F16.</summary>
    public float D { get; private set; }

    /// <summary>The scale of m, exactly representable as F16.</summary>
    public float Dmin { get; private set; }

    /// <summary>The nearest codes to what was found.</summary>
    public readonly void Encode(Span<sbyte> codes)
    {
        for (int group = 0; group < _s.Length; group++)
        {
            ScaleSearch.Encode(Values(group), _levels, D * _s[group], Minimum(group), codes.Slice(group * _groupElements, _groupElements));
        }
    }

    void Start()
    {
        Span<float> scales = stackalloc float[_s.Length];
        Span<float> minimums = stackalloc float[_s.Length];
        minimums.Clear();
        for (int group = 0; group < _s.Length; group++)
        {
            if (_m.IsEmpty)
            {
                scales[group] = ScaleSearch.Scale(Values(group), Weights(group), _levels);
            }
            else
            {
                (scales[group], minimums[group]) =
                    ScaleSearch.ScaleAndMinimum(Values(group), Weights(group), _levels, positiveMinimum: false);
            }
        }

        D = Stored(ScaleSearch.Extreme(scales) / (_leastS < 0 ? _leastS : _greatestS));
        Dmin = Stored(-ScaleSearch.Extreme(minimums) / _greatestS);
        for (int group = 0; group < _s.Length; group++)
        {
            _s[group] = (int)Math.Clamp(MathF.Round(scales[group] * ScaleSearch.Inverse(D)), _leastS, _greatestS);
            if (!_m.IsEmpty)
            {
                _m[group] = (int)Math.Clamp(MathF.Round(-minimums[group] * ScaleSearch.Inverse(Dmin)), 0, _greatestS);
            }
        }
    }

    void Refine()
    {
        Span<int> keptS = stackalloc int[MaxGroups];
        Span<int> keptM = stackalloc int[MaxGroups];
        float error = MoveGroups();
        for (int pass = 0; pass < Passes; pass++)
        {
            (float keptD, float keptDmin) = (D, Dmin);
            _s.CopyTo(keptS);
            _m.CopyTo(keptM);
            Fit();
            float fitted = MoveGroups();
            if (!(fitted < error))
            {
                (D, Dmin) = (keptD, keptDmin);
                keptS[.._s.Length].CopyTo(_s);
                keptM[.._m.Length].CopyTo(_m);
                break;
            }

            error = fitted;
        }
    }

    /// <summary>Moves s of every group upwards from one below, for as long as that is better, with m at the best of its neighbours; returns the error of the block.</summary>
    readonly float MoveGroups()
    {
        float total = 0;
        for (int group = 0; group < _s.Length; group++)
        {
            total += _m.IsEmpty ? MoveScale(group) : MoveBoth(group);
        }

        return total;
    }

    readonly float MoveScale(int group)
    {
        float best = float.PositiveInfinity;
        for (int near = Math.Max(_s[group] - 1, _leastS); near <= Math.Min(_s[group] + 1, _greatestS); near++)
        {
            float error = ScaleSearch.Error(Values(group), Weights(group), _levels, D * near, 0);
            if (error < best)
            {
                (best, _s[group]) = (error, near);
            }
        }

        return best;
    }

    readonly float MoveBoth(int group)
    {
        (int first, int middleM) = (Math.Max(_s[group] - 1, 0), _m[group]);
        Span<float> errors = stackalloc float[CandidateSums.Count + Around];
        Span<float> best = stackalloc float[CandidateSums.Count + Around];
        for (; ; first += Climb - 1)
        {
            Vector512<float> s = Vector512.Create((float)first) + Vector512.Create(ClimbingS), m = Vector512.Create((float)middleM) + Vector512.Create(AroundM);
            Vector512<float> there = Vector512.LessThanOrEqual(s, Vector512.Create((float)_greatestS))
                & Vector512.GreaterThanOrEqual(m, default) & Vector512.LessThanOrEqual(m, Vector512.Create((float)_greatestS));
            Vector512<float> all = CandidateSums.Errors(
                Values(group), Weights(group), _levels, Vector512.Create(D) * s, -(Vector512.Create(Dmin) * m));
            all = Vector512.ConditionalSelect(there, all, Vector512.Create(float.PositiveInfinity));

            // Element 3 i of the best is the least error of s + i; it is climbed for as long as the next one is less.
            all.CopyTo(errors);
            Vector512<float> leasts = Vector512.MinNative(all, Vector512.MinNative(Vector512.Create(errors[1..]), Vector512.Create(errors[2..])));
            leasts.CopyTo(best);
            ulong stops = ~Vector512.LessThan(Vector512.Create(best[Around..]), leasts).ExtractMostSignificantBits() & Steps;
            if (stops != 0)
            {
                int at = BitOperations.TrailingZeroCount(stops);
                int choice = BitOperations.TrailingZeroCount(Vector512.Equals(all, Vector512.Create(best[at])).ExtractMostSignificantBits() >> at);
                (_s[group], _m[group]) = (first + (at / Around), middleM - 1 + choice);
                return best[at];
            }
        }
    }

    /// <summary>Least squares for d and dmin with everything else as it is: x ≈ d · (s · q) + dmin · (−m).</summary>
    void Fit()
    {
        double ss = 0, sm = 0, mm = 0, xs = 0, xm = 0;
        for (int group = 0; group < _s.Length; group++)
        {
            (double s, double m) = (_s[group], _m.IsEmpty ? 0 : _m[group]);
            FitSums sums = FitSums.Of(Values(group), Weights(group), _levels, ScaleSearch.Inverse(D * _s[group]), Minimum(group));
            ss += s * s * sums.QQ;
            sm -= s * m * sums.Q;
            mm += m * m * sums.W;
            xs += s * sums.XQ;
            xm -= m * sums.X;
        }

        double determinant = (ss * mm) - (sm * sm);
        if (determinant > 1e-9 * ss * mm)
        {
            D = Stored(((xs * mm) - (xm * sm)) / determinant);
            Dmin = Stored(((xm * ss) - (xs * sm)) / determinant);
        }
        else if (ss > 0 && mm == 0)
        {
            D = Stored(xs / ss);
        }
    }

    readonly float Stored(double scale) => ScaleSearch.Stored((float)scale, _levels.Greatest);

    readonly float Minimum(int group) => _m.IsEmpty ? 0 : -(Dmin * _m[group]);

    readonly ReadOnlySpan<float> Values(int group) => _values.Slice(group * _groupElements, _groupElements);

    readonly ReadOnlySpan<float> Weights(int group) => _weights.Slice(group * _groupElements, _groupElements);
}
