using System.Globalization;
using System.Text;
using Spectre.Console.Rendering;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>
/// Breaks lines between words while text streams in. A word that turns out too long for its line is taken back and
/// begun anew on the next; wide characters may stand at any end of a line.
/// </summary>
sealed class WordWrap(Func<int> width)
{
    readonly StringBuilder _word = new();
    int _wordColumns;
    int _column;

    /// <summary>What to write to the terminal for more text.</summary>
    public string Wrap(string text)
    {
        StringBuilder output = new();
        TextElementEnumerator elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext())
        {
            Add(elements.GetTextElement(), output);
        }

        return output.ToString();
    }

    /// <summary>The cursor stands at the start of a line.</summary>
    public void Start()
    {
        _column = 0;
        EndWord();
    }

    void Add(string character, StringBuilder output)
    {
        if (character is "\n" or "\r\n")
        {
            output.Append('\n');
            Start();
            return;
        }

        int columns = Segment.CellCount([new Segment(character)]);
        bool blank = string.IsNullOrWhiteSpace(character);
        if (_column + columns > width())
        {
            if (blank)
            {
                output.Append('\n');
                Start();
                return;
            }

            Break(output);
        }

        output.Append(character);
        _column += columns;
        if (blank || columns > 1)
        {
            EndWord();
        }
        else
        {
            _word.Append(character);
            _wordColumns += columns;
        }
    }

    /// <summary>Goes to the next line and takes the unfinished word along, unless it fills the line by itself.</summary>
    void Break(StringBuilder output)
    {
        if (_wordColumns > 0 && _wordColumns < _column)
        {
            output.Append(CultureInfo.InvariantCulture, $"\e[{_wordColumns}D\e[K\n{_word}");
            _column = _wordColumns;
        }
        else
        {
            output.Append('\n');
            _column = 0;
            EndWord();
        }
    }

    void EndWord()
    {
        _word.Clear();
        _wordColumns = 0;
    }
}
