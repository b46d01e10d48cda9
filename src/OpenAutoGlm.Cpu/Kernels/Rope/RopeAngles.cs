using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Rope;

using Rope = OpenAutoGlm.Graph.Ops.Rope;

/// <summary>
/// Cosines and sines of the tokens in the batch, one row for each token, computed in float64 (position 100,000 times a
/// frequency has no digits left in float32) once a step and read by every layer. A row is spread over the elements that
/// it turns, the sine with the sign it needs there: y = x · cos + partner · sine.
/// </summary>
sealed unsafe class RopeAngles(Rope op, int mostTokens) : IDisposable
{
    readonly int[] _positions = FilledWithMinusOne(mostTokens);
    readonly double[] _frequencies = new double[op.Dims / 2];
    NativeMemoryOwner? _memory;

    /// <summary>Cosines of a token: [Dims].</summary>
    internal float* Cosines(int token) => (float*)_memory!.Pointer + (2L * token * op.Dims);

    /// <summary>Signed sines of a token: [Dims].</summary>
    internal float* Sines(int token) => Cosines(token) + op.Dims;

    /// <summary>Makes the memory and the frequencies ready; before any <see cref="Prepare"/>.</summary>
    internal void Begin(float* factors)
    {
        if (_memory is not null)
        {
            return;
        }

        _memory = new NativeMemoryOwner(2L * mostTokens * op.Dims * sizeof(float));
        for (int pair = 0; pair < _frequencies.Length; pair++)
        {
            _frequencies[pair] = op.Angle(1, pair, factors is null ? 1 : factors[pair]);
        }
    }

    /// <summary>Computes the row of a token unless it is there already. Different tokens may be prepared side by side.</summary>
    internal void Prepare(int token, int position)
    {
        if (_positions[token] == position)
        {
            return;
        }

        float* cosines = Cosines(token);
        float* sines = Sines(token);
        int half = op.Dims / 2;
        for (int pair = 0; pair < half; pair++)
        {
            (double sine, double cosine) = Math.SinCos(position * _frequencies[pair]);
            (int first, int second) = op.Pairing == RopePairing.Interleaved ? (2 * pair, (2 * pair) + 1) : (pair, pair + half);
            cosines[first] = cosines[second] = (float)cosine;
            sines[first] = (float)-sine;
            sines[second] = (float)sine;
        }

        _positions[token] = position;
    }

    public void Dispose() => _memory?.Dispose();

    static int[] FilledWithMinusOne(int count)
    {
        int[] positions = new int[count];
        Array.Fill(positions, -1);
        return positions;
    }
}
