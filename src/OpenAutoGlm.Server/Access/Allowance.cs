namespace OpenAutoGlm.Server.Access;

/// <summary>
/// So much a minute: a bucket that holds a minute's worth, begins full and fills evenly. What is only known afterwards
/// is taken afterwards, so that the bucket may owe; nobody gets anything from it until it owes no more.
/// </summary>
sealed class Allowance(int perMinute, TimeProvider time)
{
    readonly Lock _lock = new();
    double _left = perMinute;
    long _filled = time.GetTimestamp();

    public int PerMinute => perMinute;

    /// <summary>Takes an amount where it is there.</summary>
    /// <param name="amount">The amount; more than a minute's worth counts as a minute's worth.</param>
    /// <param name="wait">Where it is not there: when it will be, if nobody takes more.</param>
    public bool TryTake(double amount, out TimeSpan wait)
    {
        amount = Math.Min(amount, perMinute);
        lock (_lock)
        {
            Fill();
            // One is the least that can be taken: a request that promises nothing still needs a bucket that owes nothing.
            double needed = Math.Max(amount, 1);
            wait = TimeSpan.FromMinutes(Math.Max(0, needed - _left) / perMinute);
            if (_left < needed)
            {
                return false;
            }

            _left -= amount;
            return true;
        }
    }

    /// <summary>Takes an amount whether it is there or not; a negative one is given back.</summary>
    public void Take(double amount)
    {
        lock (_lock)
        {
            Fill();
            _left = Math.Min(perMinute, _left - amount);
        }
    }

    /// <summary>What is left, and when the bucket will be full.</summary>
    public (int Left, TimeSpan Full) Read()
    {
        lock (_lock)
        {
            Fill();
            return ((int)Math.Max(0, _left), TimeSpan.FromMinutes((perMinute - _left) / perMinute));
        }
    }

    void Fill()
    {
        long now = time.GetTimestamp();
        _left = Math.Min(perMinute, _left + (time.GetElapsedTime(_filled, now).TotalMinutes * perMinute));
        _filled = now;
    }
}
