using System.Text;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>A text after which a call has begun, and what may follow it.</summary>
/// <param name="Text">The text.</param>
/// <param name="IsFirst">Whether it counts only where the answer begins.</param>
/// <param name="Call">The rest of the call.</param>
sealed record CallTrigger(byte[] Text, bool IsFirst, CompiledConstraint Call);

/// <summary>
/// Leaves an answer free until a call begins in it, and then holds the call to its tools and their schemas, to its end.
/// What is thought is free altogether.
/// </summary>
sealed class CallMask : ITokenMask
{
    static readonly byte[] ThinkingStart = Encoding.UTF8.GetBytes(AnswerParser.ThinkingStart);
    static readonly byte[] ThinkingEnd = Encoding.UTF8.GetBytes(AnswerParser.ThinkingEnd);

    readonly IReadOnlyList<CallTrigger> _triggers;
    readonly ConstraintVocabulary _vocabulary;
    readonly int _longest;
    readonly List<byte> _tail = []; // the end of the text, or all of it while that may still be a trigger's beginning
    bool _isThinking;
    bool _isFirst = true;
    CompiledConstraint? _call;
    Place _place;

    public CallMask(IReadOnlyList<CallTrigger> triggers, bool startsThinking)
    {
        (_triggers, _isThinking) = (triggers, startsThinking);
        _vocabulary = triggers[0].Call.Vocabulary;
        _longest = Math.Max(ThinkingEnd.Length, triggers.Max(trigger => trigger.Text.Length));
    }

    CallMask(CallMask other)
    {
        (_triggers, _vocabulary, _longest) = (other._triggers, other._vocabulary, other._longest);
        (_isThinking, _isFirst, _call, _place) = (other._isThinking, other._isFirst, other._call, other._place);
        _tail.AddRange(other._tail);
    }

    /// <inheritdoc/>
    public int? Forced => _call?.Allowed(_place).Single() is >= 0 and int token ? token : null;

    /// <inheritdoc/>
    public void Apply(Span<float> logits) => _call?.Allowed(_place).Keep(logits);

    /// <inheritdoc/>
    public void Accept(int token)
    {
        foreach (byte value in _vocabulary.Bytes(token))
        {
            Take(value);
        }
    }

    /// <inheritdoc/>
    public ITokenMask Fork() => new CallMask(this);

    void Take(byte value)
    {
        if (_call is null)
        {
            Look(value);
        }
        else if (_call.Advance(_place, [value]) is { } next)
        {
            _place = next;
            if (next.IsFinal)
            {
                Restart();
            }
        }
        else
        {
            // A token that began the call went on otherwise: then it is no call.
            Restart();
            _isFirst = false;
        }
    }

    void Look(byte value)
    {
        if (_isFirst && _tail.Count == 0 && value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            return;
        }

        _tail.Add(value);
        if (_isThinking)
        {
            if (EndsWith(ThinkingEnd))
            {
                Restart();
                _isThinking = false;
            }
        }
        else if (_isFirst && Is(ThinkingStart))
        {
            _tail.Clear();
            _isThinking = true;
        }
        else if (_triggers.FirstOrDefault(trigger => trigger.IsFirst ? _isFirst && Is(trigger.Text) : EndsWith(trigger.Text)) is { } found)
        {
            (_call, _place) = (found.Call, found.Call.Start);
        }

        if (_tail.Count > _longest)
        {
            _tail.RemoveAt(0);
            _isFirst = false;
        }
    }

    void Restart()
    {
        _call = null;
        _tail.Clear();
        _isFirst = true;
    }

    bool Is(byte[] text) => _tail.Count == text.Length && EndsWith(text);

    bool EndsWith(byte[] text) =>
        _tail.Count >= text.Length && System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_tail)[^text.Length..].SequenceEqual(text);
}
