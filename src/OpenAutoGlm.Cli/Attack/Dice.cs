namespace OpenAutoGlm.Cli.Attack;

/// <summary>The chances of one request: the same seed and number throw the same on every machine.</summary>
sealed class Dice(int seed, long number)
{
    readonly Random _random = new(unchecked((int)((uint)seed * 2_654_435_761u) ^ (int)((ulong)number * 0x9E3779B97F4A7C15 >> 32)));

    /// <summary>True once in so many throws.</summary>
    public bool OneIn(int count) => _random.Next(count) == 0;

    /// <summary>From 0 to below the bound.</summary>
    public int Below(int bound) => _random.Next(bound);

    /// <summary>One of some things.</summary>
    public T Of<T>(params ReadOnlySpan<T> things) => things[_random.Next(things.Length)];

    /// <summary>Random bytes.</summary>
    public byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }
}
