using System.Collections.Immutable;
using System.Text;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>
/// Looks for stop strings in text that comes in pieces. Text is held back only as long as it may be the beginning of
/// one. The first to end wins, the longest of those that end together. Time is linear in the text.
/// Source: Knuth, Morris, Pratt 1977, one automaton for each string.
/// </summary>
sealed class StopStrings(ImmutableArray<string> strings)
{
    readonly int[][] _borders = [.. strings.Select(Borders)];
    readonly int[] _matched = new int[strings.Length]; // how much of each string the text ends with
    readonly StringBuilder _held = new();

    /// <summary>
    /// Takes more text and appends to <paramref name="certain"/> what is surely part of the answer. Returns the stop
    /// string that was found, which ends the search, or null.
    /// </summary>
    internal string? Push(ReadOnlySpan<char> text, StringBuilder certain)
    {
        if (strings.IsEmpty)
        {
            certain.Append(text);
            return null;
        }

        foreach (char next in text)
        {
            _held.Append(next);
            if (Advance(next) is { } found)
            {
                _held.Length -= found.Length;
                Flush(certain);
                return found;
            }
        }

        int ready = _held.Length - _matched.Max();
        certain.Append(_held, 0, ready);
        _held.Remove(0, ready);
        return null;
    }

    /// <summary>Appends what was held back: nothing follows that could make it a stop string.</summary>
    internal void Flush(StringBuilder certain)
    {
        certain.Append(_held);
        _held.Clear();
    }

    string? Advance(char next)
    {
        string? found = null;
        for (int i = 0; i < strings.Length; i++)
        {
            string wanted = strings[i];
            int length = _matched[i];
            while (length > 0 && wanted[length] != next)
            {
                length = _borders[i][length - 1];
            }

            length += wanted[length] == next ? 1 : 0;
            _matched[i] = length;
            if (length == wanted.Length && wanted.Length > (found?.Length ?? 0))
            {
                found = wanted;
            }
        }

        return found;
    }

    /// <summary>For every beginning of a string: the length of its longest proper beginning that is also its end.</summary>
    static int[] Borders(string text)
    {
        int[] borders = new int[text.Length];
        for (int i = 1, length = 0; i < text.Length; i++)
        {
            while (length > 0 && text[i] != text[length])
            {
                length = borders[length - 1];
            }

            length += text[i] == text[length] ? 1 : 0;
            borders[i] = length;
        }

        return borders;
    }
}
