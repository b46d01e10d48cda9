using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>A text. Lengths and indices count Unicode code points, as Python does, not UTF-16 units.</summary>
sealed class StringValue(string text, bool isMarkup = false) : TemplateValue
{
    public static readonly StringValue Empty = new("");

    int _length = -1;
    int[]? _starts;

    public string Text => text;

    /// <summary>Whether the text came from the safe or escape filter: what is added to it is escaped.</summary>
    public bool IsMarkup => isMarkup;

    internal override string TypeName => isMarkup ? "Markup" : "str";

    internal override bool IsTrue => text.Length > 0;

    /// <summary>The number of code points.</summary>
    public int Length
    {
        get
        {
            if (_length < 0)
            {
                int pairs = 0;
                for (int i = 0; i + 1 < text.Length; i++)
                {
                    if (char.IsSurrogatePair(text[i], text[i + 1]))
                    {
                        pairs++;
                        i++;
                    }
                }

                _length = text.Length - pairs;
            }

            return _length;
        }
    }

    /// <summary>The UTF-16 index where a code point begins; the end of the text for its length.</summary>
    public int Start(int codePoint)
    {
        if (Length == text.Length) return codePoint;
        if (_starts is null)
        {
            int[] starts = new int[Length + 1];
            int position = 0;
            for (int i = 0; i < Length; i++)
            {
                starts[i] = position;
                position += position + 1 < text.Length && char.IsSurrogatePair(text[position], text[position + 1]) ? 2 : 1;
            }

            starts[Length] = text.Length;
            _starts = starts;
        }

        return _starts[codePoint];
    }

    /// <summary>The code point's place of a UTF-16 index.</summary>
    public int CodePointOf(int index)
    {
        if (Length == text.Length) return index;
        _ = Start(0);
        int found = Array.BinarySearch(_starts!, index);
        return found < 0 ? ~found : found;
    }

    public string CodePoint(int index) => text[Start(index)..Start(index + 1)];

    public string Reversed()
    {
        StringBuilder reversed = new(text.Length);
        for (int i = Length - 1; i >= 0; i--) reversed.Append(text, Start(i), Start(i + 1) - Start(i));
        return reversed.ToString();
    }
}
