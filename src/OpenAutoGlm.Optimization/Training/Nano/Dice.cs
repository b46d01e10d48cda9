using System.Text;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>Random draws that are the same on every machine. Source: Steele et al. 2014, SplitMix, §5.</summary>
sealed class Dice(ulong seed)
{
    const ulong Step = 0x9E3779B97F4A7C15;
    const int HeldOutShare = 8; // one in so many names and numbers is kept from training

    ulong _state = Mix(seed + Step);

    /// <summary>A whole number from 0 to <paramref name="count"/> − 1.</summary>
    public int Below(int count)
    {
        _state += Step;
        return (int)((Mix(_state) >> 32) * (ulong)count >> 32);
    }

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int From(int least, int most) => least + Below(most - least + 1);

    /// <summary>True so many times in a hundred.</summary>
    public bool Percent(int chance) => Below(100) < chance;

    /// <summary>A normal number. Source: Box &amp; Muller 1958.</summary>
    public float Normal()
    {
        double radius = Math.Sqrt(-2 * Math.Log((Below(1 << 30) + 1) / (double)(1 << 30)));
        return (float)(radius * Math.Cos(2 * Math.PI * Below(1 << 30) / (1 << 30)));
    }

    /// <summary>One of some.</summary>
    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    /// <summary>Brings values into a random order.</summary>
    public void Shuffle<T>(List<T> values)
    {
        for (int i = values.Count - 1; i > 0; i--)
        {
            int other = Below(i + 1);
            (values[i], values[other]) = (values[other], values[i]);
        }
    }

    /// <summary>Which split a name or a calculation belongs to: always the same one.</summary>
    public static NanoSplit SplitOf(string text)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte value in Encoding.UTF8.GetBytes(text.ToLowerInvariant()))
        {
            hash = (hash ^ value) * 0x100000001B3;
        }

        return Mix(hash) % HeldOutShare == 0 ? NanoSplit.HeldOut : NanoSplit.Train;
    }

    static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
