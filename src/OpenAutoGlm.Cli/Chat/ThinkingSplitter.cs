namespace OpenAutoGlm.Cli.Chat;

/// <summary>A piece of an answer: either thinking or what is said aloud.</summary>
readonly record struct AnswerPiece(string Text, bool Thinking);

/// <summary>
/// Tells thinking (&lt;think&gt;…&lt;/think&gt;) from the answer while text streams in. What could be the beginning of
/// a tag is held back until it is known to be one or not.
/// </summary>
sealed class ThinkingSplitter
{
    const string Open = "<think>";
    const string Close = "</think>";

    string _held = "";
    bool _thinking;

    /// <summary>Takes more text, gives what is certain.</summary>
    public IEnumerable<AnswerPiece> Push(string text)
    {
        _held += text;
        while (true)
        {
            string tag = _thinking ? Close : Open;
            int at = _held.IndexOf(tag, StringComparison.Ordinal);
            if (at < 0)
            {
                int certain = _held.Length - Overlap(_held, tag);
                if (certain > 0)
                {
                    yield return new AnswerPiece(_held[..certain], _thinking);
                    _held = _held[certain..];
                }

                yield break;
            }

            if (at > 0)
            {
                yield return new AnswerPiece(_held[..at], _thinking);
            }

            _held = _held[(at + tag.Length)..];
            _thinking = !_thinking;
        }
    }

    /// <summary>Gives what was held back when no more text comes.</summary>
    public IEnumerable<AnswerPiece> Flush()
    {
        if (_held.Length > 0)
        {
            yield return new AnswerPiece(_held, _thinking);
        }

        _held = "";
    }

    /// <summary>How many last characters of the text are the first of the tag.</summary>
    static int Overlap(string text, string tag)
    {
        for (int length = Math.Min(text.Length, tag.Length - 1); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(tag.AsSpan(0, length)))
            {
                return length;
            }
        }

        return 0;
    }
}
