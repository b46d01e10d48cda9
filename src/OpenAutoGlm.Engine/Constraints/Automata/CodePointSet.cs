using System.Globalization;

namespace OpenAutoGlm.Engine.Constraints.Automata;

/// <summary>A set of Unicode scalar values as rising ranges that do not touch. Immutable.</summary>
sealed class CodePointSet
{
    public const int Last = 0x10FFFF;

    readonly (int Low, int High)[] _ranges;

    CodePointSet((int Low, int High)[] ranges) => _ranges = ranges;

    public static CodePointSet None { get; } = new([]);

    /// <summary>Every scalar value: all code points but the surrogates, which UTF-8 cannot spell.</summary>
    public static CodePointSet All { get; } = new([(0, 0xD7FF), (0xE000, Last)]);

    public static CodePointSet Digits { get; } = Of(('0', '9'));

    public static CodePointSet WordCharacters { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    /// <summary>White space and line ends of ECMA-262, §22.2.1.</summary>
    public static CodePointSet WhiteSpace { get; } = Of(
        ('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    /// <summary>What the dot of a regular expression matches: all but line ends.</summary>
    public static CodePointSet Dot { get; } = Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Negate();

    public IReadOnlyList<(int Low, int High)> Ranges => _ranges;

    public bool IsEmpty => _ranges.Length == 0;

    public static CodePointSet Of(params (int Low, int High)[] ranges) => Normalise(ranges).Intersect(All);

    public static CodePointSet Single(int codePoint) => Of((codePoint, codePoint));

    /// <summary>The scalar values of some general categories, by their two letters or the first alone.</summary>
    public static CodePointSet? Category(string name)
    {
        HashSet<UnicodeCategory> wanted = [.. UnicodeNames.Categories(name)];
        if (wanted.Count == 0)
        {
            return null;
        }

        List<(int Low, int High)> ranges = [];
        for (int codePoint = 0; codePoint <= Last; codePoint++)
        {
            if (wanted.Contains(CharUnicodeInfo.GetUnicodeCategory(codePoint)))
            {
                ranges.Add((codePoint, codePoint));
            }
        }

        return Of([.. ranges]);
    }

    public bool Contains(int codePoint) => _ranges.Any(range => codePoint >= range.Low && codePoint <= range.High);

    public CodePointSet Union(CodePointSet other) => Normalise([.. _ranges, .. other._ranges]);

    public CodePointSet Negate()
    {
        List<(int Low, int High)> rest = [];
        int next = 0;
        foreach ((int low, int high) in _ranges)
        {
            if (low > next)
            {
                rest.Add((next, low - 1));
            }

            next = high + 1;
        }

        if (next <= Last)
        {
            rest.Add((next, Last));
        }

        return new CodePointSet([.. rest]).Intersect(All);
    }

    /// <summary>The set with the other case of its letters, by the simple mapping of each character.</summary>
    public CodePointSet IgnoreCase()
    {
        List<(int Low, int High)> ranges = [.. _ranges];
        foreach ((int low, int high) in _ranges)
        {
            for (int codePoint = low; codePoint <= Math.Min(high, 0xFFFF); codePoint++)
            {
                char character = (char)codePoint;
                ranges.Add((char.ToLowerInvariant(character), char.ToLowerInvariant(character)));
                ranges.Add((char.ToUpperInvariant(character), char.ToUpperInvariant(character)));
            }
        }

        return Of([.. ranges]);
    }

    CodePointSet Intersect(CodePointSet other)
    {
        if (ReferenceEquals(this, other))
        {
            return this;
        }

        List<(int Low, int High)> common = [];
        foreach ((int low, int high) in _ranges)
        {
            foreach ((int otherLow, int otherHigh) in other._ranges)
            {
                if (Math.Max(low, otherLow) <= Math.Min(high, otherHigh))
                {
                    common.Add((Math.Max(low, otherLow), Math.Min(high, otherHigh)));
                }
            }
        }

        return new CodePointSet([.. common]);
    }

    static CodePointSet Normalise((int Low, int High)[] ranges)
    {
        List<(int Low, int High)> merged = [];
        foreach ((int low, int high) in ranges.OrderBy(range => range.Low))
        {
            if (merged.Count > 0 && low <= merged[^1].High + 1)
            {
                merged[^1] = (merged[^1].Low, Math.Max(merged[^1].High, high));
            }
            else
            {
                merged.Add((low, high));
            }
        }

        return new CodePointSet([.. merged]);
    }
}
