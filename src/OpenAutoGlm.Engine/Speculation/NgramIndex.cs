namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Where every run of three tokens of a sequence stood last, so that what followed it can be proposed again.</summary>
sealed class NgramIndex
{
    /// <summary>Tokens that must agree before anything is proposed.</summary>
    internal const int Length = 3;

    const int MostCandidates = 8;
    const int TokenBits = 21;

    readonly Dictionary<ulong, int> _last = []; // run of tokens → where it ended last
    readonly List<int> _before = []; // by position: where the run that ends there ended before, -1 for nowhere

    /// <summary>
    /// Finds the place where most of the tokens before the end stood before, the latest among equals.
    /// </summary>
    /// <param name="tokens">The sequence, the same as at the last call and what came since.</param>
    /// <returns>Position after that place, of the first token to propose; -1 where there is none.</returns>
    internal int Find(ReadOnlySpan<int> tokens)
    {
        // The run at the very end is looked up before it is entered, or it would find itself.
        for (int end = _before.Count; end < tokens.Length - 1; end++)
        {
            Enter(tokens, end);
        }

        int last = tokens.Length - 1;
        if (last < Length - 1 || !_last.TryGetValue(Key(tokens, last), out int candidate))
        {
            return -1;
        }

        int best = -1;
        int longest = 0;
        for (int tries = 0; candidate >= 0 && tries < MostCandidates; tries++, candidate = _before[candidate])
        {
            int agreeing = Agreeing(tokens, candidate, last);
            if (agreeing > longest)
            {
                (best, longest) = (candidate, agreeing);
            }
        }

        return best + 1;
    }

    static int Agreeing(ReadOnlySpan<int> tokens, int candidate, int last)
    {
        int count = 0;
        while (count < 64 && candidate - count >= 0 && tokens[candidate - count] == tokens[last - count])
        {
            count++;
        }

        return count;
    }

    static ulong Key(ReadOnlySpan<int> tokens, int end) =>
        ((ulong)tokens[end - 2] << (2 * TokenBits)) | ((ulong)tokens[end - 1] << TokenBits) | (uint)tokens[end];

    void Enter(ReadOnlySpan<int> tokens, int end)
    {
        if (end < Length - 1)
        {
            _before.Add(-1);
            return;
        }

        ulong key = Key(tokens, end);
        _before.Add(_last.TryGetValue(key, out int before) ? before : -1);
        _last[key] = end;
    }
}
