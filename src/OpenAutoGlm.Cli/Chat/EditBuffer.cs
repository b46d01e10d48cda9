using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>A text with a cursor. The cursor never stands inside a character, however many code units that has.</summary>
sealed class EditBuffer
{
    readonly StringBuilder _text = new();

    public string Text => _text.ToString();

    public int Length => _text.Length;

    /// <summary>Code units before the cursor.</summary>
    public int Cursor { get; private set; }

    public void Insert(string text)
    {
        _text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void Replace(string text)
    {
        _text.Clear().Append(text);
        Cursor = text.Length;
    }

    public void Backspace() => RemoveTo(Before(Cursor));

    public void Delete()
    {
        int end = After(Cursor);
        _text.Remove(Cursor, end - Cursor);
    }

    /// <summary>Removes the word before the cursor and the blanks behind it.</summary>
    public void DeleteWord()
    {
        int start = Cursor;
        while (start > 0 && char.IsWhiteSpace(_text[start - 1]))
        {
            start--;
        }

        while (start > 0 && !char.IsWhiteSpace(_text[start - 1]))
        {
            start--;
        }

        RemoveTo(start);
    }

    public void DeleteToLineStart() => RemoveTo(LineStart(Cursor));

    public void DeleteToLineEnd() => _text.Remove(Cursor, LineEnd(Cursor) - Cursor);

    public void Left() => Cursor = Before(Cursor);

    public void Right() => Cursor = After(Cursor);

    public void Home() => Cursor = LineStart(Cursor);

    public void End() => Cursor = LineEnd(Cursor);

    /// <summary>Moves to the line above; false on the first.</summary>
    public bool Up()
    {
        int start = LineStart(Cursor);
        if (start == 0)
        {
            return false;
        }

        int above = LineStart(start - 1);
        Cursor = Aligned(Math.Min(above + (Cursor - start), start - 1));
        return true;
    }

    /// <summary>Moves to the line below; false on the last.</summary>
    public bool Down()
    {
        int end = LineEnd(Cursor);
        if (end == _text.Length)
        {
            return false;
        }

        Cursor = Aligned(Math.Min(end + 1 + (Cursor - LineStart(Cursor)), LineEnd(end + 1)));
        return true;
    }

    void RemoveTo(int start)
    {
        _text.Remove(start, Cursor - start);
        Cursor = start;
    }

    int Before(int at) => at == 0 ? 0 : Boundaries().Last(boundary => boundary < at);

    int After(int at) => at == _text.Length ? at : Boundaries().First(boundary => boundary > at);

    int Aligned(int at) => Boundaries().Last(boundary => boundary <= at);

    IEnumerable<int> Boundaries() => StringInfo.ParseCombiningCharacters(Text).Append(_text.Length);

    int LineStart(int at) => at == 0 ? 0 : Text.LastIndexOf('\n', at - 1) + 1;

    int LineEnd(int at) => Text.IndexOf('\n', at) is >= 0 and int end ? end : _text.Length;
}
