using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// What GPTQ needs of H = XᵀX / rows + λI: the upper triangular U with H⁻¹ = UᵀU, which says how an error made in one column is best
/// made good in those after it. Columns that were always zero ("dead") get H = the mean of the diagonal and take part in
/// nothing. If H cannot be factored, λ grows tenfold until it can.
/// Source: Frantar et al. 2022 (GPTQ), §3.3; U comes from one factorisation of H turned by 180° and one triangular
/// inverse, instead of an inverse and two factorisations.
/// </summary>
public sealed class HessianFactor
{
    static readonly ConditionalWeakTable<double[], HessianFactor> Last = [];

    HessianFactor(float[] upper, double damping, double asked, ImmutableArray<int> deadColumns)
    {
        Upper = upper;
        Damping = damping;
        Asked = asked;
        DeadColumns = deadColumns;
    }

    /// <summary>λ ÷ the mean of the diagonal of the living columns, as it was needed.</summary>
    public double Damping { get; }

    /// <summary>Whether λ had to grow beyond what was asked for: the statistics have fewer independent rows than columns, or nearly so.</summary>
    public bool Grew => Damping > Asked;

    /// <summary>Columns that were zero in every row.</summary>
    public ImmutableArray<int> DeadColumns { get; }

    /// <summary>U: [columns, columns], columns in the order that was asked for.</summary>
    internal float[] Upper { get; }

    double Asked { get; }

    /// <summary>Factors the Hessian of some statistics; the last one of the same statistics is kept, as q, k and v share theirs.</summary>
    /// <param name="statistics">With <see cref="ColumnStatistics.Gram"/>.</param>
    /// <param name="damping">λ ÷ the mean of the diagonal.</param>
    /// <param name="threads">How many threads work; 0 for as many as there are cores. It does not change the result.</param>
    /// <exception cref="ArgumentException">There is no Gram matrix, or it holds a value that is not a number.</exception>
    public static HessianFactor Of(ColumnStatistics statistics, double damping, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        double[] gram = statistics.Gram ?? throw new ArgumentException("The statistics have no Gram matrix; ask for it when they are collected.", nameof(statistics));
        if (Last.TryGetValue(gram, out HessianFactor? known) && known.Asked == damping)
        {
            return known;
        }

        HessianFactor made = Of(gram, statistics.Columns, damping, null, threads);
        Last.AddOrUpdate(gram, made);
        return made;
    }

    /// <summary>The same for columns in another order.</summary>
    internal static HessianFactor Of(double[] gram, int columns, double damping, int[]? order, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(damping);
        double[] diagonal = [.. Enumerable.Range(0, columns).Select(i => gram[(i * columns) + i])];
        int bad = Array.FindIndex(diagonal, value => !(value >= 0 && double.IsFinite(value)));
        if (bad >= 0)
        {
            throw new ArgumentException($"the Gram matrix has {diagonal[bad]} on its diagonal at column {bad}; the activations were no numbers.", nameof(gram));
        }

        ImmutableArray<int> dead = [.. Enumerable.Range(0, columns).Where(i => diagonal[i] == 0)];
        double mean = dead.Length == columns ? 1 : diagonal.Sum() / (columns - dead.Length);
        ParallelOptions options = new() { MaxDegreeOfParallelism = threads > 0 ? threads : -1 };
        double[] turned = new double[checked(columns * columns)];
        for (double tried = damping; ; tried = Math.Max(tried * 10, 1e-6))
        {
            Fill(tried * mean);
            if (Triangular.Factor(turned, columns, 1e-10 * mean, options))
            {
                return new HessianFactor(Triangular.InvertTurned(turned, columns, options), tried, damping, dead);
            }

            if (tried > 1e6)
            {
                throw new ArgumentException("the Gram matrix is not symmetric and positive, whatever is added to its diagonal.", nameof(gram));
            }
        }

        void Fill(double added)
        {
            for (int i = 0; i < columns; i++)
            {
                int from = Column(columns - 1 - i);
                for (int j = 0; j < i; j++)
                {
                    turned[(i * columns) + j] = gram[(from * columns) + Column(columns - 1 - j)];
                }

                turned[(i * columns) + i] = (diagonal[from] == 0 ? mean : diagonal[from]) + added;
            }
        }

        int Column(int position) => order is null ? position : order[position];
    }
}
