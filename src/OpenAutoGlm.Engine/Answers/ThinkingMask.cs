using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>
/// Ends thinking after so many tokens, by leaving nothing but the tag that ends it; with none, thinking does not begin.
/// Another mask goes on beneath.
/// </summary>
sealed class ThinkingMask : ITokenMask
{
    readonly Tokenizer _tokenizer;
    readonly ITokenMask? _inner;
    readonly int _budget;
    readonly ImmutableArray<int> _closing;
    readonly int? _opening;
    State _state;
    int _count;
    int _closed;
    string _tail = "";

    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="inner">What else restricts tokens.</param>
    /// <param name="budget">Most tokens of thinking.</param>
    /// <param name="startsThinking">Whether the prompt left the model thinking.</param>
    public ThinkingMask(Tokenizer tokenizer, ITokenMask? inner, int budget, bool startsThinking)
    {
        (_tokenizer, _inner, _budget) = (tokenizer, inner, budget);
        _closing = [.. tokenizer.Encode(AnswerParser.ThinkingEnd, parseSpecials: true, addSpecials: false)];
        _opening = tokenizer.TryGetId(AnswerParser.ThinkingStart, out int id) ? id : null;
        _state = startsThinking ? Inside() : State.Before;
    }

    ThinkingMask(ThinkingMask other, ITokenMask? inner)
    {
        (_tokenizer, _budget, _closing, _opening) = (other._tokenizer, other._budget, other._closing, other._opening);
        (_inner, _state, _count, _closed, _tail) = (inner, other._state, other._count, other._closed, other._tail);
    }

    enum State
    {
        Before,
        Inside,
        Closing,
        After,
    }

    /// <inheritdoc/>
    public bool IsComplete => _state is State.Before or State.After && _inner is { IsComplete: true };

    /// <inheritdoc/>
    public int? Forced => _state == State.Closing ? _closing[_closed] : _inner?.Forced;

    /// <inheritdoc/>
    public void Apply(Span<float> logits)
    {
        if (_state == State.Closing)
        {
            int token = _closing[_closed];
            logits.Fill(float.NegativeInfinity);
            logits[token] = 0;
            return;
        }

        _inner?.Apply(logits);
        if (_state == State.Before && _budget == 0 && _opening is { } opening && opening < logits.Length)
        {
            logits[opening] = float.NegativeInfinity;
        }
    }

    /// <inheritdoc/>
    public void Accept(int token)
    {
        _inner?.Accept(token);
        switch (_state)
        {
            case State.Before:
                _tail = (_tail + Text(token)).TrimStart();
                _state = _tail == AnswerParser.ThinkingStart ? Inside()
                    : AnswerParser.ThinkingStart.StartsWith(_tail, StringComparison.Ordinal) ? State.Before
                    : State.After;
                break;
            case State.Inside:
                _count++;
                string text = _tail + Text(token);
                _tail = text[Math.Max(0, text.Length - AnswerParser.ThinkingEnd.Length)..];
                _state = text.Contains(AnswerParser.ThinkingEnd, StringComparison.Ordinal) ? State.After
                    : _count >= _budget ? State.Closing
                    : State.Inside;
                break;
            case State.Closing:
                _closed++;
                _state = _closed == _closing.Length ? State.After : State.Closing;
                break;
        }
    }

    /// <inheritdoc/>
    public ITokenMask? Fork()
    {
        ITokenMask? inner = _inner?.Fork();
        return _inner is null || inner is not null ? new ThinkingMask(this, inner) : null;
    }

    State Inside()
    {
        _tail = "";
        return _budget == 0 ? State.Closing : State.Inside;
    }

    string Text(int token) => token < _tokenizer.VocabularySize ? Encoding.UTF8.GetString(_tokenizer.TokenBytes(token)) : "";
}
