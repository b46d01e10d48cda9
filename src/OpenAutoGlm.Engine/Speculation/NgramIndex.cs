using System.Numerics;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Where the last tokens of a sequence stood before: what followed them there may follow again.</summary>
/// <param name="Position">Of the token that followed; 0 for nowhere.</param>
/// <param name="Agreeing">How many tokens before it agree with the last ones.</param>
readonly record struct EarlierPlace(int Position, int Agreeing);

/// <summary>Finds where the last tokens of a sequence stood before, by the last places of every run of one, two and three tokens.</summary>
sealed class NgramIndex
{
    const int Longest = 3;
    const int MostCandidates = 8;
    const int MostAgreeing = 64;
    const int TokenBits = 20;

    readonly Dictionary<ulong, int> _last = []; // run of tokens → where it ended last
    readonly List<int> _before = []; // by position: where the run of three that ends there ended before, -1 for nowhere

    /// <summary>
    /// Finds the place before which most tokens agree with the last ones, the latest among equals, of the last places of the longest run that stood before.
    /// </summary>
    /// <param name="tokens">The sequence, the same as at the last call and what came since.</param>
    internal EarlierPlace Find(ReadOnlySpan<int> tokens)
    {
        // The run at the very end is looked up before it is entered, or it would find itself.
        int last = tokens.Length - 1;
        for (int end = _before.Count; end < last; end++)
        {
            Enter(tokens, end);
        }

        for (int length = Math.Min(Longest, tokens.Length); length > 0; length--)
        {
            if (_last.TryGetValue(Key(tokens, last, length), out int candidate))
            {
                return Best(tokens, candidate, last, length);
            }
        }

        return default;
    }

    EarlierPlace Best(ReadOnlySpan<int> tokens, int candidate, int last, int length)
    {
        EarlierPlace best = default;
        for (int tries = 0; candidate >= 0 && tries < MostCandidates; tries++)
        {
            int agreeing = Agreeing(tokens, candidate, last);
            if (agreeing > best.Agreeing)
            {
                best = new EarlierPlace(candidate + 1, agreeing);
            }

            candidate = length == Longest ? _before[candidate] : -1;
        }

        return best;
    }

    static int Agreeing(ReadOnlySpan<int> tokens, int candidate, int last)
    {
        int count = 0;
        while (count < MostAgreeing && count <= candidate && tokens[candidate - count] == tokens[last - count])
        {
            count++;
        }

        return count;
    }

    static ulong Key(ReadOnlySpan<int> tokens, int end, int length)
    {
        ulong key = (ulong)length;
        for (int i = end - length + 1; i <= end; i++)
        {
            key = (BitOperations.RotateLeft(key, TokenBits) * 0x9E3779B97F4A7C15) ^ (uint)tokens[i];
        }

        return key;
    }

    void Enter(ReadOnlySpan<int> tokens, int end)
    {
        for (int length = 1; length <= Math.Min(Longest, end + 1); length++)
        {
            ulong key = Key(tokens, end, length);
            if (length == Longest)
            {
                _before.Add(_last.TryGetValue(key, out int before) ? before : -1);
            }

            _last[key] = end;
        }

        if (end + 1 < Longest)
        {
            _before.Add(-1);
        }
    }
}
