using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>
/// Turns typed at a terminal: a line editor with history. Enter sends; Alt-Enter, Ctrl-J, a backslash before Enter, or
/// a line end inside pasted text begin a new line. Ctrl-C takes the text back, Ctrl-D at an empty prompt ends.
/// </summary>
/// <param name="readKey">Waits for a key.</param>
/// <param name="keyWaiting">Whether a key is there already, as in the middle of pasted text.</param>
/// <param name="size">Columns and rows of the window.</param>
/// <param name="output">The terminal.</param>
/// <param name="colours">Whether the prompt has one.</param>
sealed class TerminalPromptReader(Func<ConsoleKeyInfo> readKey, Func<bool> keyWaiting, Func<(int Width, int Height)> size, TextWriter output, bool colours) : IPromptReader
{
    readonly List<string> _history = [];
    readonly EditView _view = new(output, colours ? $"{Style.Bold}{Style.Accent}›{Style.Reset} " : "› ", colours ? $"{Style.Dim}·{Style.Reset} " : "· ", promptWidth: 2);
    EditBuffer _buffer = new();
    string _draft = "";
    bool _escaped;
    int _recalled;

    public string? Read()
    {
        _buffer = new EditBuffer();
        _recalled = _history.Count;
        _view.Start();
        Draw();
        while (true)
        {
            switch (Take(readKey()))
            {
                case Outcome.Sent:
                    _buffer.Replace(_buffer.Text);
                    Draw();
                    _view.Leave();
                    Remember(_buffer.Text);
                    return _buffer.Text;

                case Outcome.Ended:
                    _view.Leave();
                    return null;

                case Outcome.Interrupted:
                    _view.Leave();
                    throw new PromptInterruptedException();

                default:
                    // Pasted text is drawn once it is all there.
                    if (!keyWaiting())
                    {
                        Draw();
                    }

                    break;
            }
        }
    }

    void Draw()
    {
        (int width, int height) = size();
        _view.Draw(_buffer.Text, _buffer.Cursor, width, height);
    }

    void Remember(string turn)
    {
        if (turn.Trim().Length > 0 && (_history.Count == 0 || _history[^1] != turn))
        {
            _history.Add(turn);
        }
    }

    Outcome Take(ConsoleKeyInfo key)
    {
        // A terminal sends Alt-Enter as Escape and, at once, Enter.
        (bool alt, _escaped) = (_escaped, key.Key == ConsoleKey.Escape && keyWaiting());
        bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        return key.Key switch
        {
            ConsoleKey.Enter => TakeEnter(key, alt),
            ConsoleKey.C when control => TakeBack(),
            ConsoleKey.D when control && _buffer.Length == 0 => Outcome.Ended,
            ConsoleKey.J when control => Edit(() => _buffer.Insert("\n")),
            ConsoleKey.L when control => Edit(ClearScreen),
            ConsoleKey.D when control => Edit(_buffer.Delete),
            ConsoleKey.A when control => Edit(_buffer.Home),
            ConsoleKey.E when control => Edit(_buffer.End),
            ConsoleKey.U when control => Edit(_buffer.DeleteToLineStart),
            ConsoleKey.K when control => Edit(_buffer.DeleteToLineEnd),
            ConsoleKey.W when control => Edit(_buffer.DeleteWord),
            ConsoleKey.P when control => Edit(Recall, -1),
            ConsoleKey.N when control => Edit(Recall, +1),
            ConsoleKey.UpArrow => _buffer.Up() ? Outcome.Edited : Edit(Recall, -1),
            ConsoleKey.DownArrow => _buffer.Down() ? Outcome.Edited : Edit(Recall, +1),
            ConsoleKey.LeftArrow => Edit(_buffer.Left),
            ConsoleKey.RightArrow => Edit(_buffer.Right),
            ConsoleKey.Home => Edit(_buffer.Home),
            ConsoleKey.End => Edit(_buffer.End),
            ConsoleKey.Backspace => Edit(_buffer.Backspace),
            ConsoleKey.Delete => Edit(_buffer.Delete),
            _ when key.KeyChar == '\t' => Edit(() => _buffer.Insert("    ")),
            _ when char.IsControl(key.KeyChar) => Outcome.Edited,
            _ => Edit(() => _buffer.Insert(key.KeyChar.ToString())),
        };
    }

    Outcome TakeEnter(ConsoleKeyInfo key, bool alt)
    {
        bool continued = _buffer.Cursor == _buffer.Length && _buffer.Text.EndsWith('\\');
        if (continued)
        {
            _buffer.Backspace();
        }

        // Ctrl-J comes as the key Enter with the character of a line feed.
        if (continued || alt || key.Modifiers.HasFlag(ConsoleModifiers.Alt) || key.KeyChar == '\n' || keyWaiting())
        {
            return Edit(() => _buffer.Insert("\n"));
        }

        return Outcome.Sent;
    }

    Outcome TakeBack()
    {
        if (_buffer.Length == 0)
        {
            return Outcome.Interrupted;
        }

        _buffer.Replace("");
        return Outcome.Edited;
    }

    void ClearScreen()
    {
        output.Write("\e[H\e[2J");
        _view.Start();
    }

    void Recall(int step)
    {
        int wanted = Math.Clamp(_recalled + step, 0, _history.Count);
        if (wanted == _recalled)
        {
            return;
        }

        _draft = _recalled == _history.Count ? _buffer.Text : _draft;
        _recalled = wanted;
        _buffer.Replace(wanted == _history.Count ? _draft : _history[wanted]);
    }

    static Outcome Edit(Action edit)
    {
        edit();
        return Outcome.Edited;
    }

    static Outcome Edit(Action<int> edit, int step)
    {
        edit(step);
        return Outcome.Edited;
    }

    enum Outcome
    {
        Edited,
        Sent,
        Ended,
        Interrupted,
    }
}
