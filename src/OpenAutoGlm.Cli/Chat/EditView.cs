using System.Globalization;
using Spectre.Console.Rendering;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>
/// Draws a buffer behind a prompt and redraws it in place. Rows are broken here and not by the terminal, so that it is
/// always known where the cursor stands; wide characters count two columns.
/// </summary>
sealed class EditView(TextWriter output, string prompt, string continuation, int promptWidth)
{
    int _cursorRow;
    int _rows = 1;

    /// <summary>Forgets what was drawn: the next drawing starts where the cursor is.</summary>
    public void Start() => (_cursorRow, _rows) = (0, 1);

    public void Draw(string text, int cursor, int width, int height)
    {
        List<(string Text, bool First)> rows = [];
        (int cursorRow, int cursorColumn) = Break(text, cursor, Math.Max(4, width - 1 - promptWidth), rows);
        int first = Math.Max(0, Math.Min(cursorRow - (height / 2), rows.Count - height + 1));
        int count = Math.Min(rows.Count - first, Math.Max(1, height - 1));

        output.Write(_cursorRow > 0 ? $"\e[{_cursorRow}A\r\e[J" : "\r\e[J");
        for (int i = 0; i < count; i++)
        {
            output.Write(i > 0 ? "\r\n" : "");
            output.Write(rows[first + i].First ? prompt : continuation);
            output.Write(rows[first + i].Text);
        }

        _rows = count;
        _cursorRow = cursorRow - first;
        int up = count - 1 - _cursorRow;
        output.Write($"{(up > 0 ? $"\e[{up}A" : "")}\r\e[{promptWidth + cursorColumn}C");
        output.Flush();
    }

    /// <summary>Moves below what was drawn.</summary>
    public void Leave()
    {
        int down = _rows - 1 - _cursorRow;
        output.Write($"{(down > 0 ? $"\e[{down}B" : "")}\r\n");
        output.Flush();
    }

    static (int Row, int Column) Break(string text, int cursor, int width, List<(string Text, bool First)> rows)
    {
        (int Row, int Column) place = (0, 0);
        int rowStart = 0;
        int column = 0;
        int at = 0;
        foreach (string character in Characters(text))
        {
            int columns = character == "\n" ? 0 : Segment.CellCount([new Segment(character)]);
            if (character != "\n" && column + columns > width)
            {
                rows.Add((text[rowStart..at], rows.Count == 0));
                (rowStart, column) = (at, 0);
            }

            place = at == cursor ? (rows.Count, column) : place;
            at += character.Length;
            column += columns;
            if (character == "\n")
            {
                rows.Add((text[rowStart..(at - 1)], rows.Count == 0));
                (rowStart, column) = (at, 0);
            }
        }

        place = at == cursor ? (rows.Count, column) : place;
        rows.Add((text[rowStart..], rows.Count == 0));
        return place;
    }

    static IEnumerable<string> Characters(string text)
    {
        TextElementEnumerator elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext())
        {
            yield return elements.GetTextElement();
        }
    }
}
