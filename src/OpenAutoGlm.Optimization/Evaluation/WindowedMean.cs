namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>A mean whose error allows for values that come in windows and are alike within one.</summary>
sealed class WindowedMean
{
    readonly List<double> _values = [];
    readonly List<int> _ends = [];

    internal double Mean => _values.Count > 0 ? Sum(0, _values.Count) / _values.Count : throw new InvalidOperationException("Nothing was measured.");

    /// <summary>
    /// The larger of s/√n over values and over windows, where a window weighs as many values as it has:
    /// √(w/(w−1) · Σ (n_i (mean_i − mean))²) / n for w windows. Zero for a single value.
    /// </summary>
    internal double Error
    {
        get
        {
            double mean = Mean;
            int n = _values.Count;
            double squares = 0;
            foreach (double value in _values)
            {
                squares += (value - mean) * (value - mean);
            }

            double ofValues = n > 1 ? Math.Sqrt(squares / (n - 1) / n) : 0;
            return Math.Max(ofValues, ErrorOfWindows(mean));
        }
    }

    internal void Add(double value) => _values.Add(value);

    internal void EndWindow()
    {
        if (_values.Count > (_ends.Count > 0 ? _ends[^1] : 0))
        {
            _ends.Add(_values.Count);
        }
    }

    internal double[] Sorted()
    {
        double[] sorted = [.. _values];
        Array.Sort(sorted);
        return sorted;
    }

    double ErrorOfWindows(double mean)
    {
        int windows = _ends.Count;
        if (windows < 2)
        {
            return 0;
        }

        double squares = 0;
        int start = 0;
        foreach (int end in _ends)
        {
            double excess = Sum(start, end) - ((end - start) * mean);
            squares += excess * excess;
            start = end;
        }

        return Math.Sqrt(squares * windows / (windows - 1)) / _values.Count;
    }

    double Sum(int start, int end)
    {
        double sum = 0;
        for (int i = start; i < end; i++)
        {
            sum += _values[i];
        }

        return sum;
    }
}
