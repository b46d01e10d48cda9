using System.Numerics;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Where the last tokens of a sequence stood before: what followed them there may follow again.</summary>
/// <param name="Position">Of the token that followed; 0 for nowhere.</param>
/// <param name="Agreeing">How many tokens before it agree with the last ones.</param>
readonly record struct EarlierPlace(int Position, int Agreeing);

/// <summary>Finds where tokens stand in a text, by the last places of every run of one, two and three tokens.</summary>
sealed class NgramIndex
{
    /// <summary>Stands where a part of a text ends, and is no token.</summary>
    internal const int End = -1;

    const int Longest = 3;
    const int MostCandidates = 8;
    const int MostAgreeing = 64;
    const int TokenBits = 20;

    readonly Dictionary<ulong, int> _last = []; // run of tokens → where it ended last
    readonly List<int> _before = []; // by position: where the run of three that ends there ended before, -1 for nowhere

    /// <summary>Enters the runs that something follows: those that end at the text's last token, or just before an end, are not.</summary>
    /// <param name="text">The same as at the last call and what came since.</param>
    internal void Enter(ReadOnlySpan<int> text)
    {
        for (int end = _before.Count; end < text.Length - 1; end++)
        {
            int before = -1;
            if (text[end] == End || text[end + 1] == End)
            {
                _before.Add(before);
                continue;
            }

            for (int length = 1; length <= Math.Min(Longest, end + 1); length++)
            {
                ulong key = Key(text, end, length);
                if (length == Longest && _last.TryGetValue(key, out int place))
                {
                    before = place;
                }

                _last[key] = end;
            }

            _before.Add(before);
        }
    }

    /// <summary>
    /// Finds the place before which most tokens agree with the last of some, the latest among equals, of the last places of the longest run that was entered.
    /// </summary>
    /// <param name="text">What was entered.</param>
    /// <param name="tokens">Of which the last are looked for.</param>
    internal EarlierPlace Find(ReadOnlySpan<int> text, ReadOnlySpan<int> tokens)
    {
        int last = tokens.Length - 1;
        for (int length = Math.Min(Longest, tokens.Length); length > 0; length--)
        {
            if (_last.TryGetValue(Key(tokens, last, length), out int candidate) && Best(text, candidate, tokens, length) is { Agreeing: > 0 } best)
            {
                return best;
            }
        }

        return default;
    }

    EarlierPlace Best(ReadOnlySpan<int> text, int candidate, ReadOnlySpan<int> tokens, int length)
    {
        EarlierPlace best = default;
        for (int tries = 0; candidate >= 0 && tries < MostCandidates; tries++)
        {
            int agreeing = Agreeing(text[..(candidate + 1)], tokens);
            if (agreeing > best.Agreeing)
            {
                best = new EarlierPlace(candidate + 1, agreeing);
            }

            candidate = length == Longest ? _before[candidate] : -1;
        }

        return best;
    }

    /// <summary>How many of the last tokens of both are the same.</summary>
    static int Agreeing(ReadOnlySpan<int> one, ReadOnlySpan<int> other)
    {
        int most = Math.Min(MostAgreeing, Math.Min(one.Length, other.Length));
        int count = 0;
        while (count < most && one[^(count + 1)] == other[^(count + 1)])
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
}
