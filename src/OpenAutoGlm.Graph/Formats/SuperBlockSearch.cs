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

    readonly ReadOnlySpan<float> _values;
    readonly ReadOnlySpan<float> _weights;
    readonly TLevels _levels;
    readonly int _groupElements;
    readonly int _leastS;
    readonly int _greatestS;
    readonly Span<int> _s;
    readonly Span<int> _m;

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

    /// <summary>Moves s and m of every group to the best of their neighbours and returns the error of the block.</summary>
    readonly float MoveGroups()
    {
        float total = 0;
        for (int group = 0; group < _s.Length; group++)
        {
            (int s, int m) = (_s[group], _m.IsEmpty ? 0 : _m[group]);
            (int lowM, int highM) = _m.IsEmpty ? (0, 0) : (Math.Max(m - 1, 0), Math.Min(m + 1, _greatestS));
            float best = float.PositiveInfinity;
            for (int nearS = Math.Max(s - 1, _leastS); nearS <= Math.Min(s + 1, _greatestS); nearS++)
            {
                for (int nearM = lowM; nearM <= highM; nearM++)
                {
                    float error = ScaleSearch.Error(Values(group), Weights(group), _levels, D * nearS, -(Dmin * nearM));
                    if (error < best)
                    {
                        (best, s, m) = (error, nearS, nearM);
                    }
                }
            }

            _s[group] = s;
            if (!_m.IsEmpty)
            {
                _m[group] = m;
            }

            total += best;
        }

        return total;
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
