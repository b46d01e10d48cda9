using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// All elements of all parameters in pieces of a fixed size, so that threads share work evenly, and sums are added in one
/// order whatever the number of threads.
/// </summary>
sealed class ParameterPieces
{
    const int PieceElements = 1 << 15;

    readonly Piece[] _pieces;
    readonly double[] _sums;
    readonly ParallelOptions _parallel;
    readonly IReadOnlyList<TrainedParameter> _parameters;
    readonly Action<int> _sumOfPiece;
    readonly Action<int> _clearPiece;

    public ParameterPieces(IReadOnlyList<TrainedParameter> parameters, int threads)
    {
        _parameters = parameters;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        List<Piece> pieces = [];
        for (int i = 0; i < parameters.Count; i++)
        {
            int elements = checked((int)parameters[i].Weight.Shape.ElementCount);
            for (int start = 0; start < elements; start += PieceElements)
            {
                pieces.Add(new Piece(i, start, Math.Min(PieceElements, elements - start)));
            }

            Elements += elements;
        }

        _pieces = [.. pieces];
        _sums = new double[_pieces.Length];
        _sumOfPiece = index => _sums[index] = SumOfSquares(Gradient(_pieces[index]));
        _clearPiece = index => Gradient(_pieces[index]).Clear();
    }

    /// <summary>Elements of all parameters.</summary>
    public long Elements { get; }

    /// <summary>The pieces, in order.</summary>
    public ReadOnlySpan<Piece> All => _pieces;

    /// <summary>Does something with every piece, several at a time.</summary>
    public void ForEach(Action<Piece> work) => ForEach(index => work(_pieces[index]));

    /// <summary>√Σ g², in float64 and one order.</summary>
    public double GradientNorm()
    {
        ForEach(_sumOfPiece);
        double sum = 0;
        foreach (double part in _sums)
        {
            sum += part;
        }

        return Math.Sqrt(sum);
    }

    /// <summary>Sets every gradient to 0.</summary>
    public void ClearGradients() => ForEach(_clearPiece);

    public Span<float> Gradient(Piece piece) => _parameters[piece.Parameter].Gradient.View.Floats.Slice(piece.Start, piece.Length);

    public Span<float> Weight(Piece piece) => _parameters[piece.Parameter].Weight.View.Floats.Slice(piece.Start, piece.Length);

    /// <summary>Σ x², in float64, eight lanes and then the rest.</summary>
    internal static double SumOfSquares(ReadOnlySpan<float> values)
    {
        ReadOnlySpan<Vector256<float>> vectors = MemoryMarshal.Cast<float, Vector256<float>>(values);
        Vector512<double> sum = default;
        foreach (Vector256<float> vector in vectors)
        {
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(vector);
            Vector512<double> wide = Vector512.Create(low, high);
            sum += wide * wide;
        }

        double total = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
        {
            total += sum[lane];
        }

        foreach (float value in values[(vectors.Length * Vector256<float>.Count)..])
        {
            total += (double)value * value;
        }

        return total;
    }

    void ForEach(Action<int> work)
    {
        if (_parallel.MaxDegreeOfParallelism == 1 || _pieces.Length == 1)
        {
            for (int i = 0; i < _pieces.Length; i++)
            {
                work(i);
            }

            return;
        }

        Parallel.For(0, _pieces.Length, _parallel, work);
    }

    /// <summary>A run of elements of one parameter.</summary>
    internal readonly record struct Piece(int Parameter, int Start, int Length);
}
