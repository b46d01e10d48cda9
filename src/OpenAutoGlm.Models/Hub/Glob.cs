namespace OpenAutoGlm.Models.Hub;

/// <summary>Patterns as in --include "*.safetensors": '*' is any text, folders included, '?' any character, [abc] one of these.</summary>
static class Glob
{
    public static bool IsMatch(string pattern, string path)
    {
        // A pattern that names a folder stands for all that is in it.
        if (pattern.EndsWith('/')) pattern += "*";
        int star = -1;
        int resume = 0;
        int p = 0;
        int t = 0;
        while (t < path.Length)
        {
            int next = p;
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                resume = t;
            }
            else if (p < pattern.Length && MatchesOne(pattern, ref next, path[t]))
            {
                p = next;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }

        return pattern.AsSpan(p).TrimStart('*').IsEmpty;
    }

    static bool MatchesOne(string pattern, ref int position, char c)
    {
        char wanted = pattern[position++];
        if (wanted == '?') return true;
        int close = wanted == '[' ? pattern.IndexOf(']', Math.Min(position + 1, pattern.Length)) : -1;
        if (close < 0) return wanted == c;
        ReadOnlySpan<char> set = pattern.AsSpan(position, close - position);
        position = close + 1;
        bool isNegated = set[0] is '!' or '^';
        if (isNegated) set = set[1..];
        bool isIn = false;
        for (int i = 0; i < set.Length; i++)
        {
            bool isRange = i + 2 < set.Length && set[i + 1] == '-';
            isIn |= isRange ? c >= set[i] && c <= set[i + 2] : c == set[i];
            if (isRange) i += 2;
        }

        return isIn != isNegated;
    }
}
