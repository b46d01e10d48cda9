namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>Looks at the blocks that sequences hold, now and then, and keeps averages over the time of the steps it looked at.</summary>
sealed class MemoryWatch(EngineLimits limits)
{
    readonly int[] _seen = new int[limits.BlockCount]; // the look at which a block was counted last
    int _look;
    double _seconds;
    double _useSeconds;
    double _placeSeconds;
    double _emptySeconds;
    double _reservedSeconds;

    /// <summary>Part of the memory that sequences hold, on average.</summary>
    internal double MeanUse => _seconds > 0 ? _useSeconds / _seconds : 0;

    /// <summary>The greatest part.</summary>
    internal double MostUse { get; private set; }

    /// <summary>Of the places held, the part behind the last token of a sequence.</summary>
    internal double Fragmentation => _placeSeconds > 0 ? _emptySeconds / _placeSeconds : 0;

    /// <summary>Of the places held, the part of tokens that have not been computed yet.</summary>
    internal double Reserved => _placeSeconds > 0 ? _reservedSeconds / _placeSeconds : 0;

    /// <summary>Counts what is held during a step of so many seconds. A block that several hold counts once; only its owner's end can be empty, so what is empty is nobody else's.</summary>
    internal void Look(ReadOnlySpan<Sequence> running, double seconds)
    {
        _look++;
        long blocks = 0;
        long empty = 0;
        long reserved = 0;
        foreach (Sequence sequence in running)
        {
            foreach (int block in sequence.Blocks.Blocks)
            {
                if (_seen[block] != _look)
                {
                    _seen[block] = _look;
                    blocks++;
                }
            }

            long places = (long)sequence.Blocks.Count * limits.BlockTokens;
            empty += Math.Max(0, places - sequence.Tokens.Count);

            // The token that the step computes is on its way; a prompt that is being read waits for its turn.
            reserved += sequence.Pending > 1 ? Math.Min(places, sequence.Tokens.Count) - sequence.Computed : 0;
        }

        double use = (double)blocks / limits.BlockCount;
        MostUse = Math.Max(MostUse, use);
        _seconds += seconds;
        _useSeconds += seconds * use;
        _placeSeconds += seconds * blocks * limits.BlockTokens;
        _emptySeconds += seconds * empty;
        _reservedSeconds += seconds * reserved;
    }
}
