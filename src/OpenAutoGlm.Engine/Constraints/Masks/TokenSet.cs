using System.Numerics;

namespace OpenAutoGlm.Engine.Constraints.Masks;

/// <summary>A set of tokens, one bit for each.</summary>
sealed class TokenSet(int size)
{
    readonly ulong[] _words = new ulong[(size + 63) / 64];

    /// <summary>How many tokens the vocabulary has.</summary>
    public int Size => size;

    /// <summary>Bits, lowest first.</summary>
    public ReadOnlySpan<ulong> Words => _words;

    public bool Contains(int token) => (uint)token < (uint)size && (_words[token >> 6] >> token & 1) != 0;

    public void Add(int token) => _words[token >> 6] |= 1UL << token;

    public void UnionWith(TokenSet other)
    {
        Span<ulong> words = _words;
        ReadOnlySpan<ulong> others = other._words;
        int vector = Vector<ulong>.Count;
        int i = 0;
        for (; i <= words.Length - vector; i += vector)
        {
            (new Vector<ulong>(words[i..]) | new Vector<ulong>(others[i..])).CopyTo(words[i..]);
        }

        for (; i < words.Length; i++)
        {
            words[i] |= others[i];
        }
    }

    public TokenSet Copy()
    {
        TokenSet copy = new(size);
        _words.CopyTo(copy._words, 0);
        return copy;
    }

    public int Count() => _words.Sum(BitOperations.PopCount);

    /// <summary>The only token, or −1 where there are none or several.</summary>
    public int Single()
    {
        int found = -1;
        for (int word = 0; word < _words.Length; word++)
        {
            if (_words[word] != 0)
            {
                if (found >= 0 || (_words[word] & (_words[word] - 1)) != 0)
                {
                    return -1;
                }

                found = (word << 6) + BitOperations.TrailingZeroCount(_words[word]);
            }
        }

        return found;
    }

    /// <summary>Sets the logits of all other tokens to −∞, those past the vocabulary too.</summary>
    public void Keep(Span<float> logits)
    {
        int known = Math.Min(logits.Length, size);
        logits[known..].Fill(float.NegativeInfinity);
        for (int word = 0; word << 6 < known; word++)
        {
            ulong bits = _words[word];
            Span<float> part = logits[(word << 6)..Math.Min(known, (word + 1) << 6)];
            if (bits == 0)
            {
                part.Fill(float.NegativeInfinity);
            }
            else if (bits != ulong.MaxValue)
            {
                for (int i = 0; i < part.Length; i++)
                {
                    part[i] = (bits >> i & 1) != 0 ? part[i] : float.NegativeInfinity;
                }
            }
        }
    }
}
