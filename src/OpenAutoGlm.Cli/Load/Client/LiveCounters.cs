namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>What happens, while it happens, for somebody who looks on. The report does not use it.</summary>
sealed class LiveCounters
{
    readonly LiveHistogram _firstToken = new();
    readonly LiveHistogram _endToEnd = new();
    long _sent;
    long _done;
    long _errors;
    long _pieces;

    public long Sent => Volatile.Read(ref _sent);

    public long Done => Volatile.Read(ref _done);

    public long Errors => Volatile.Read(ref _errors);

    public long Running => Sent - Done - Errors;

    /// <summary>Pieces of text that came, of unfinished answers too.</summary>
    public long Pieces => Volatile.Read(ref _pieces);

    public LiveHistogram FirstToken => _firstToken;

    public LiveHistogram EndToEnd => _endToEnd;

    public void Started() => Interlocked.Increment(ref _sent);

    public void Piece() => Interlocked.Increment(ref _pieces);

    public void Ended(RequestRecord record)
    {
        if (record.Finished)
        {
            _firstToken.Add(record.TimeToFirstToken);
            _endToEnd.Add(record.EndToEnd);
            Interlocked.Increment(ref _done);
        }
        else
        {
            Interlocked.Increment(ref _errors);
        }
    }
}

/// <summary>Seconds in buckets that grow by a tenth: good to 5 %, of one size for any number of values.</summary>
sealed class LiveHistogram
{
    const double Least = 1e-4;
    const double Growth = 1.1;

    readonly int[] _counts = new int[192];

    public void Add(double seconds)
    {
        int bucket = seconds <= Least ? 0 : (int)Math.Ceiling(Math.Log(seconds / Least) / Math.Log(Growth));
        Interlocked.Increment(ref _counts[Math.Min(bucket, _counts.Length - 1)]);
    }

    /// <summary>About this quantile; null when nothing was added.</summary>
    public double? Quantile(double quantile)
    {
        long total = _counts.Sum(count => (long)count);
        long rank = Math.Max(1, (long)Math.Ceiling(quantile * total));
        for (int bucket = 0; bucket < _counts.Length && total > 0; bucket++)
        {
            rank -= _counts[bucket];
            if (rank <= 0)
            {
                return Least * Math.Pow(Growth, bucket - 0.5);
            }
        }

        return null;
    }
}
