using System.Text;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>How an answer is to be read.</summary>
/// <param name="Format">How calls are written; null where none are looked for.</param>
/// <param name="Tools">The tools that may be called.</param>
/// <param name="IsCertain">Whether calls are constrained, so that they can be told before they are complete.</param>
/// <param name="IsApart">Whether thinking is told apart from the answer.</param>
/// <param name="StartsThinking">Whether the prompt left the model thinking.</param>
/// <param name="IsParallel">Whether more than one call is wanted.</param>
sealed record AnswerReading(AnswerFormat? Format, IReadOnlyList<Tool> Tools, bool IsCertain, bool IsApart, bool StartsThinking, bool IsParallel = true);

/// <summary>
/// Splits the text of one choice into thinking, answer and calls, character by character, so that it does not matter how
/// the text is cut. What only looked like a call comes out as the text that it is.
/// </summary>
sealed class AnswerParser
{
    public const string ThinkingStart = "<think>";
    public const string ThinkingEnd = "</think>";
    public const string AnswerStart = "<answer>";
    public const string AnswerEnd = "</answer>";

    readonly int _choice;
    readonly AnswerReading _reading;
    readonly bool _movesSpace; // white space between parts belongs to none of them
    readonly List<GenerationEvent> _events = [];
    readonly StringBuilder _delta = new();
    readonly StringBuilder _raw = new(); // what may become something else than text
    readonly StringBuilder _space = new();
    readonly StringBuilder _certain = new();
    StopStrings _marks;
    Part _part;
    CallReader? _call;
    bool _deltaIsThinking;
    bool _dropsSpace;
    bool _isTagged;
    int _tagMatched;
    bool _isFirstOfLine = true;
    bool _isFirstOfAnswer = true;
    int _callsTold;

    public AnswerParser(int choice, AnswerReading reading)
    {
        (_choice, _reading) = (choice, reading);
        _movesSpace = reading.IsApart || reading.Format is not null;
        _part = reading.StartsThinking ? Part.Thinking : Part.Start;
        _marks = reading.StartsThinking ? new StopStrings([ThinkingEnd]) : Marks();
        _dropsSpace = reading is { StartsThinking: true, IsApart: true };
    }

    enum Part
    {
        /// <summary>A model that thinks says so first.</summary>
        Start,

        /// <summary>Thinking.</summary>
        Thinking,

        /// <summary>Between thinking told apart and the answer, which may have a tag of its own.</summary>
        AfterThinking,

        /// <summary>The answer.</summary>
        Answer,

        /// <summary>A call.</summary>
        Call,
    }

    /// <summary>How many calls there were.</summary>
    public int Calls { get; private set; }

    /// <summary>Whether the answer has the one call that was wanted, so that nothing more is.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Takes more text; what it makes certain is added to the events.</summary>
    public void Push(ReadOnlySpan<char> text, List<GenerationEvent> events)
    {
        foreach (char next in text)
        {
            if (IsDone)
            {
                break;
            }

            Take(next);
        }

        _call?.Settle();
        if (_call is not null && _reading.IsCertain)
        {
            TellPieces(_call);
        }

        Tell(events);
    }

    /// <summary>Ends the text: what was held back is text after all.</summary>
    public void Flush(List<GenerationEvent> events)
    {
        if (_part == Part.Call && !(_reading.IsCertain && _callsTold > Calls))
        {
            Write(_raw.ToString());
        }
        else if (_part is Part.Start or Part.AfterThinking)
        {
            (string raw, _part) = (_raw.ToString(), Part.Answer);
            Write(raw);
        }
        else if (_part is Part.Thinking or Part.Answer)
        {
            WriteHeld(_part == Part.Thinking);
        }

        if (Calls == 0 && _callsTold == 0 && !(_part == Part.Thinking && _reading.IsApart) && !_dropsSpace && !_isTagged)
        {
            _delta.Append(_space);
        }

        Calls = Math.Max(Calls, _callsTold);
        Tell(events);
    }

    void Take(char next)
    {
        switch (_part)
        {
            case Part.Start:
                TakeTag(next, ThinkingStart, BeginThinking);
                break;
            case Part.AfterThinking:
                TakeTag(next, AnswerStart, () => BeginAnswer(isTagged: true));
                break;
            case Part.Thinking:
                TakeThinking(next);
                break;
            case Part.Answer:
                TakeAnswer(next);
                break;
            case Part.Call:
                TakeCall(next);
                break;
        }
    }

    /// <summary>Looks for a tag behind white space; without it the answer has begun already.</summary>
    void TakeTag(char next, string tag, Action found)
    {
        _raw.Append(next);
        bool isSpace = _tagMatched == 0 && char.IsWhiteSpace(next);
        bool goesOn = tag[_tagMatched] == next;
        _tagMatched = goesOn ? _tagMatched + 1 : _tagMatched;
        if (_tagMatched == tag.Length)
        {
            _tagMatched = 0;
            found();
        }
        else if (!isSpace && !goesOn)
        {
            _tagMatched = 0;
            string raw = _raw.ToString();
            _raw.Clear();
            BeginAnswer(isTagged: false);
            foreach (char character in raw)
            {
                Take(character);
            }
        }
    }

    void BeginThinking()
    {
        (_part, _marks) = (Part.Thinking, new StopStrings([ThinkingEnd]));
        if (_reading.IsApart)
        {
            _dropsSpace = true;
        }
        else
        {
            Write(_raw.ToString());
        }

        _raw.Clear();
    }

    void BeginAnswer(bool isTagged)
    {
        _raw.Clear();
        _isTagged = isTagged;
        (_part, _marks) = (Part.Answer, Marks());
        _dropsSpace |= isTagged;
    }

    StopStrings Marks() => new([.. _reading.Format?.Starts ?? [], .. _isTagged ? [AnswerEnd] : Array.Empty<string>()]);

    void TakeThinking(char next)
    {
        string? found = Search(next, isThinking: true);
        if (found is null)
        {
            return;
        }

        if (_reading.IsApart)
        {
            // White space around thinking and answer stands there for the template's sake.
            _space.Clear();
            _dropsSpace = true;
            _part = Part.AfterThinking;
        }
        else
        {
            Write(found);
            BeginAnswer(isTagged: false);
        }

        (_isFirstOfLine, _isFirstOfAnswer) = (true, true);
    }

    void TakeAnswer(char next)
    {
        if (!char.IsWhiteSpace(next) && OpensHere(next))
        {
            BeginCall("");
            TakeCall(next);
            return;
        }

        TakeText(next);
    }

    bool OpensHere(char next) => _reading.Format?.Place switch
    {
        CallPlace.Line => _isFirstOfLine,
        CallPlace.Start => _isFirstOfAnswer && next == '{',
        _ => false,
    };

    void TakeText(char next)
    {
        if (next == ';' && Calls > 0 && _isFirstOfAnswer && _reading.Format?.Place == CallPlace.Start)
        {
            _space.Append(next); // Between calls it is no more than white space is.
            return;
        }

        bool isSpace = char.IsWhiteSpace(next);
        (_isFirstOfLine, _isFirstOfAnswer) = (next == '\n' || (_isFirstOfLine && isSpace), _isFirstOfAnswer && isSpace);
        string? found = Search(next);
        if (found == AnswerEnd)
        {
            _dropsSpace = true;
            _space.Clear();
        }
        else if (found is not null)
        {
            BeginCall(found);
        }
    }

    /// <summary>Writes what is no part of a mark any more; the mark that the character completes, or null.</summary>
    string? Search(char next, bool isThinking = false)
    {
        string? found = _marks.Push([next], _certain.Clear());
        Write(_certain.ToString(), isThinking);
        return found;
    }

    void WriteHeld(bool isThinking = false)
    {
        _marks.Flush(_certain.Clear());
        Write(_certain.ToString(), isThinking);
    }

    void BeginCall(string mark)
    {
        // What the search for marks still holds is text: a call begins at a mark, or where no mark can have begun.
        WriteHeld();
        _raw.Clear().Append(mark);
        _part = Part.Call;
        _call = _reading.Format!.Read(_reading.Tools, _reading.IsCertain);
    }

    void TakeCall(char next)
    {
        CallReader call = _call!;
        switch (call.Push(next))
        {
            case CallProgress.More:
                _raw.Append(next);
                break;
            case CallProgress.Complete:
                call.Settle();
                TellPieces(call);
                Calls = _callsTold;
                EndCall();
                (_isFirstOfLine, _isFirstOfAnswer, _dropsSpace) = (true, true, true);
                IsDone = !_reading.IsParallel;
                break;
            default:
                string raw = _raw.ToString();
                bool wasTold = _reading.IsCertain && _callsTold > Calls;
                Calls = _callsTold;
                EndCall();
                if (!wasTold)
                {
                    Write(raw);
                    _isFirstOfLine = raw.EndsWith('\n');
                    _isFirstOfAnswer = false;
                }

                if (raw.Length > 0)
                {
                    TakeAnswer(next);
                }
                else
                {
                    TakeText(next);
                }

                break;
        }
    }

    void EndCall()
    {
        _call = null;
        _raw.Clear();
        (_part, _marks) = (Part.Answer, Marks());
    }

    void TellPieces(CallReader call)
    {
        foreach ((string? name, string arguments) in call.Pieces)
        {
            if (name is not null)
            {
                _space.Clear();
                EndDelta();
                _dropsSpace = false;
                _events.Add(new ToolCallDelta(_choice, _callsTold++, "") { Id = _reading.Format!.NewId(), Name = name });
            }
            else if (_events is [.., ToolCallDelta last] && last.Call == _callsTold - 1)
            {
                _events[^1] = last with { Arguments = last.Arguments + arguments };
            }
            else
            {
                _events.Add(new ToolCallDelta(_choice, _callsTold - 1, arguments));
            }
        }

        call.Pieces.Clear();
    }

    /// <summary>Appends text. White space at its end waits for what follows, which may not want it.</summary>
    void Write(string text, bool isThinking = false)
    {
        bool asThinking = isThinking && _reading.IsApart;
        if (asThinking != _deltaIsThinking)
        {
            EndDelta();
            _deltaIsThinking = asThinking;
        }

        if (!_movesSpace)
        {
            _delta.Append(text);
            return;
        }

        foreach (char next in text)
        {
            if (char.IsWhiteSpace(next))
            {
                if (!_dropsSpace)
                {
                    _space.Append(next);
                }
            }
            else
            {
                _dropsSpace = false;
                _delta.Append(_space).Append(next);
                _space.Clear();
            }
        }
    }

    void EndDelta()
    {
        if (_delta.Length > 0)
        {
            string text = _delta.ToString();
            _events.Add(_deltaIsThinking ? new ThinkingDelta(_choice, text) : new TextDelta(_choice, text));
            _delta.Clear();
        }
    }

    void Tell(List<GenerationEvent> events)
    {
        EndDelta();
        events.AddRange(_events);
        _events.Clear();
    }
}
