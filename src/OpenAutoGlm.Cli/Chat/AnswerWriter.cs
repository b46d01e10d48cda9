using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>
/// Writes an answer as it comes: thinking dimmed where there are colours, between its tags where there are none; lines
/// broken between words on a terminal.
/// </summary>
sealed class AnswerWriter(TextWriter output, bool styled, WordWrap? wrap = null)
{
    bool _thinking;
    bool _trimming = true;
    bool _lineEnded = true;

    public void Write(AnswerPiece piece)
    {
        if (piece.Thinking != _thinking)
        {
            Turn(piece.Thinking);
        }

        // Models begin thinking and answers with line ends of their own; the page has enough of them.
        string text = _trimming ? piece.Text.TrimStart('\n', '\r', ' ') : piece.Text;
        if (text.Length > 0)
        {
            output.Write(wrap?.Wrap(text) ?? text);
            output.Flush();
            _trimming = false;
            _lineEnded = text.EndsWith('\n');
        }
    }

    /// <summary>Leaves the cursor at the start of a line, without a style.</summary>
    public void End()
    {
        if (_thinking)
        {
            Turn(false);
        }

        if (!_lineEnded)
        {
            output.WriteLine();
            _lineEnded = true;
        }
    }

    void Turn(bool thinking)
    {
        if (!thinking)
        {
            output.Write(styled ? Style.Reset : $"{(_lineEnded ? "" : "\n")}</think>\n");
            if (styled && !_lineEnded)
            {
                output.WriteLine();
            }

            if (styled)
            {
                output.WriteLine();
            }
        }
        else
        {
            output.Write(styled ? Style.Dim : $"{(_lineEnded ? "" : "\n")}<think>\n");
        }

        wrap?.Start();
        _lineEnded = true;
        _trimming = true;
        _thinking = thinking;
    }
}
