using System.Numerics;

namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// The weights of a vocabulary and, where filters leave only some of its tokens, a list of those that can be among them.
/// Sums of blocks are kept beside the weights: they find the block of a draw, and blocks that come to less than a cutoff
/// hold no token over it and are passed over. So filters look at hundreds of tokens and not at all of them.
/// </summary>
sealed class Candidates(int vocab)
{
    /// <summary>Parts of the largest weight from which on tokens are listed, until they are enough; the last means all.</summary>
    static readonly float[] Cutoffs = [1f / 1024, 1f / (1 << 20), float.Epsilon];

    readonly float[] _weights = new float[vocab];
    readonly double[] _sums = new double[(vocab + Softmax.BlockElements - 1) / Softmax.BlockElements]; // by block
    readonly int[] _tokens = new int[vocab];
    readonly float[] _listed = new float[vocab]; // the weights of _tokens
    readonly Truncation _truncation = new();
    int _vocab;
    int _count;
    double _total;

    /// <summary>Takes logits whose largest is known: the weights are exp((x − largest) / temperature).</summary>
    internal void Weigh(ReadOnlySpan<float> logits, float largest, float temperature)
    {
        _vocab = logits.Length;
        _total = 0;
        for (int block = 0; block * Softmax.BlockElements < _vocab; block++)
        {
            Range range = Block(block);
            Span<float> weights = _weights.AsSpan(range);
            Softmax.Exponentiate(logits[range], largest, temperature, weights);
            _sums[block] = Softmax.SumBlock(weights);
            _total += _sums[block];
        }
    }

    /// <summary>Applies top-k, top-p and min-p, one on what the other left, and draws.</summary>
    /// <param name="options">The filters.</param>
    /// <param name="uniform">In [0, 1).</param>
    internal int Draw(SamplingOptions options, double uniform)
    {
        bool byCount = options.TopK > 0 && options.TopK < _vocab;
        bool byMass = options.TopP < 1;
        if (!byCount && !byMass && options.MinP == 0)
        {
            return DrawFromAll(uniform);
        }

        if (byCount || byMass)
        {
            // What is not listed is smaller than all that is, so it cannot be among the k largest, nor is it needed for
            // a mass that the listed ones reach; a little more than that mass, because sums are rounded.
            foreach (float cutoff in Cutoffs)
            {
                List(cutoff);
                if (byCount ? _count >= options.TopK : Softmax.Sum(_listed.AsSpan(0, _count)) > options.TopP * _total * (1 + 1e-9))
                {
                    break;
                }
            }
        }
        else
        {
            // The largest weight is 1, so the ratio to it is the weight itself.
            List(options.MinP);
        }

        Span<float> listed = _listed.AsSpan(0, _count);
        if (byCount)
        {
            _truncation.KeepMost(listed, options.TopK);
        }

        if (byMass)
        {
            _truncation.KeepMass(listed, options.TopP * (byCount ? Softmax.Sum(listed) : _total));
        }

        if (options.MinP > 0)
        {
            Truncation.KeepFrom(listed, options.MinP);
        }

        return _tokens[Passing(listed, 0, uniform * Softmax.Sum(listed))];
    }

    /// <summary>Lists the tokens from a weight on, in rising ids.</summary>
    void List(float cutoff)
    {
        _count = 0;
        Vector<float> least = new(cutoff);
        for (int block = 0; block * Softmax.BlockElements < _vocab; block++)
        {
            // A sum may be rounded down a little below its largest part.
            if (_sums[block] < cutoff * 0.999)
            {
                continue;
            }

            (int start, int length) = Block(block).GetOffsetAndLength(_vocab);
            int end = start + length;
            for (int token = start; token < end; token += Vector<float>.Count)
            {
                int until = Math.Min(end, token + Vector<float>.Count);
                if (until - token == Vector<float>.Count && !Vector.GreaterThanOrEqualAny(new Vector<float>(_weights, token), least))
                {
                    continue;
                }

                for (int i = token; i < until; i++)
                {
                    _tokens[_count] = i;
                    _listed[_count] = _weights[i];
                    _count += _weights[i] >= cutoff ? 1 : 0;
                }
            }
        }
    }

    int DrawFromAll(double uniform)
    {
        double target = uniform * _total;
        double before = 0;
        int block = 0;
        int lastBlock = (_vocab - 1) / Softmax.BlockElements;
        for (; block < lastBlock && before + _sums[block] <= target; block++)
        {
            before += _sums[block];
        }

        // Rounding may carry a target to the end of blocks that have nothing.
        while (_sums[block] == 0)
        {
            before -= _sums[--block];
        }

        (int start, int length) = Block(block).GetOffsetAndLength(_vocab);
        return start + Passing(_weights.AsSpan(start, length), before, target);
    }

    /// <summary>The first place at which the running sum passes the target, or the last that has any weight.</summary>
    static int Passing(ReadOnlySpan<float> weights, double sum, double target)
    {
        int last = -1;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] > 0)
            {
                sum += weights[i];
                last = i;
                if (sum > target)
                {
                    break;
                }
            }
        }

        return last;
    }

    Range Block(int block) => (block * Softmax.BlockElements)..Math.Min(_vocab, (block + 1) * Softmax.BlockElements);
}
