using System.Globalization;

namespace OpenAutoGlm.Models.Tokenizers.Normalization;

/// <summary>Unicode's canonical decompositions, compositions and combining classes, from CanonicalComposition.txt.</summary>
static class CanonicalComposition
{
    const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    const int LeadCount = 19, VowelCount = 21, TailCount = 28;

    static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    static readonly Dictionary<(int, int), int> Compositions = [];
    static readonly Dictionary<int, byte> Classes = [];
    static readonly HashSet<int> SecondParts = [];

    static readonly bool[] Inert; // of the basic plane

    static CanonicalComposition()
    {
        using Stream resource = typeof(CanonicalComposition).Assembly.GetManifestResourceStream("CanonicalComposition.txt")!;
        using StreamReader reader = new(resource);
        while (reader.ReadLine() is { } line)
        {
            foreach (string entry in line.StartsWith('#') ? [] : line.Split(' '))
            {
                Add(entry);
            }
        }

        Inert = [.. Enumerable.Range(0, 0x10000).Select(value => !IsHangulSyllable(value) && !Decompositions.ContainsKey(value) && StartsSegment(value))];
    }

    /// <summary>The combining class; 0 for a starter.</summary>
    public static int Class(int value) => Classes.GetValueOrDefault(value);

    /// <summary>Whether nothing before this character can join with it, or move behind it.</summary>
    public static bool StartsSegment(int value)
    {
        int first = Decompositions.TryGetValue(value, out (int First, int Second) parts) ? parts.First : value;
        bool isHangulPart = first is (>= VowelBase and < VowelBase + VowelCount) or (> TailBase and < TailBase + TailCount);
        return Class(value) == 0 && Class(first) == 0 && !isHangulPart && !SecondParts.Contains(first);
    }

    /// <summary>Whether a character starts a segment and does not decompose, as almost all do.</summary>
    public static bool IsInert(int value) => value < Inert.Length && Inert[value];

    /// <summary>Appends the full decomposition.</summary>
    public static void Decompose(int value, List<int> output)
    {
        int syllable = value - HangulBase;
        if (syllable is >= 0 and < LeadCount * VowelCount * TailCount)
        {
            output.Add(LeadBase + (syllable / (VowelCount * TailCount)));
            output.Add(VowelBase + (syllable / TailCount % VowelCount));
            if (syllable % TailCount > 0)
            {
                output.Add(TailBase + (syllable % TailCount));
            }
        }
        else if (Decompositions.TryGetValue(value, out (int First, int Second) parts))
        {
            Decompose(parts.First, output);
            if (parts.Second > 0)
            {
                Decompose(parts.Second, output);
            }
        }
        else
        {
            output.Add(value);
        }
    }

    /// <summary>The character that two make together, or 0.</summary>
    public static int Pair(int first, int second)
    {
        int lead = first - LeadBase, vowel = second - VowelBase, syllable = first - HangulBase, tail = second - TailBase;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            return HangulBase + (((lead * VowelCount) + vowel) * TailCount);
        }

        if (syllable is >= 0 and < LeadCount * VowelCount * TailCount && syllable % TailCount == 0 && tail is > 0 and < TailCount)
        {
            return first + tail;
        }

        return Compositions.GetValueOrDefault((first, second));
    }

    static void Add(string entry)
    {
        string[] parts = entry.Split('=', '+', '-', ':');
        if (entry.Contains(':'))
        {
            for (int value = Hex(parts[0]); value <= Hex(parts[1]); value++)
            {
                Classes.Add(value, byte.Parse(parts[2], CultureInfo.InvariantCulture));
            }

            return;
        }

        int whole = Hex(parts[0]), first = Hex(parts[1]), second = parts.Length > 2 ? Hex(parts[2]) : 0;
        Decompositions.Add(whole, (first, second));
        if (!entry.EndsWith('!'))
        {
            Compositions.Add((first, second), whole);
            SecondParts.Add(second);
        }
    }

    static bool IsHangulSyllable(int value) => value - HangulBase is >= 0 and < LeadCount * VowelCount * TailCount;

    static int Hex(string digits) => int.Parse(digits.TrimEnd('!'), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
