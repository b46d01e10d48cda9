using System.Text;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>
/// Where one answer stands under its constraint. It fails closed: a token that may not come is an error, and where none may
/// come every logit becomes −∞.
/// </summary>
sealed class ConstraintMask : ITokenMask
{
    readonly CompiledConstraint _constraint;
    readonly byte[]? _after;
    readonly string? _afterText;
    readonly int _opening;
    Place _place;
    byte[] _tail = []; // the end of the text before the constraint begins
    bool _begun;
    bool _ended;
    bool _mayOpen;

    /// <param name="constraint">The constraint.</param>
    /// <param name="after">Where it begins; null or "" for at once.</param>
    /// <param name="opening">A token that puts the beginning off until <paramref name="after"/>, if it comes first; −1 for none, and then it is put off anyway.</param>
    public ConstraintMask(CompiledConstraint constraint, string? after = null, int opening = -1)
    {
        (_constraint, _place, _afterText, _opening) = (constraint, constraint.Start, after, opening);
        _after = after is { Length: > 0 } ? Encoding.UTF8.GetBytes(after) : null;
        _begun = _after is null || opening >= 0;
        _mayOpen = opening >= 0;
    }

    ConstraintMask(ConstraintMask other)
    {
        (_constraint, _after, _afterText, _opening) = (other._constraint, other._after, other._afterText, other._opening);
        (_place, _tail, _begun, _ended, _mayOpen) = (other._place, other._tail, other._begun, other._ended, other._mayOpen);
    }

    /// <inheritdoc/>
    public bool IsComplete => _begun && _place.IsFinal;

    /// <summary>Where the answer stands.</summary>
    internal Place Place => _place;

    /// <summary>The tokens that may come next; null for all but the end tokens.</summary>
    internal TokenSet? Allowed => !_begun ? null : _ended ? Ends() : _mayOpen ? WithOpening() : _constraint.Allowed(_place);

    /// <inheritdoc/>
    public int? Forced => Allowed?.Single() is >= 0 and int token ? token : null;

    /// <inheritdoc/>
    public void Apply(Span<float> logits)
    {
        if (Allowed is { } allowed)
        {
            allowed.Keep(logits);
            return;
        }

        foreach (int token in _constraint.Vocabulary.EndTokens)
        {
            if (token < logits.Length)
            {
                logits[token] = float.NegativeInfinity;
            }
        }
    }

    /// <inheritdoc/>
    public void Accept(int token)
    {
        bool opens = _mayOpen && token == _opening;
        _mayOpen = false;
        if (opens)
        {
            _begun = false;
            return;
        }

        if (!_begun)
        {
            AcceptBefore(token);
            return;
        }

        if (_constraint.Vocabulary.EndTokens.Contains(token))
        {
            _ended = IsComplete || _ended ? true : throw Refused(token, "ends it early");
            return;
        }

        Follow(_constraint.Vocabulary.Bytes(token), token);
    }

    /// <inheritdoc/>
    public ITokenMask Fork() => new ConstraintMask(this);

    void AcceptBefore(int token)
    {
        if (_constraint.Vocabulary.EndTokens.Contains(token))
        {
            throw Refused(token, $"ends it before {_afterText}");
        }

        if (_constraint.Vocabulary.IsNamed(token, _after))
        {
            _begun = true;
            return;
        }

        byte[] text = [.. _tail, .. _constraint.Vocabulary.Bytes(token)];
        int found = text.AsSpan().IndexOf(_after);
        if (found < 0)
        {
            _tail = text[Math.Max(0, text.Length - _after!.Length + 1)..];
            return;
        }

        _begun = true;
        Follow(text.AsSpan(found + _after!.Length), token);
    }

    void Follow(ReadOnlySpan<byte> bytes, int token)
    {
        bool isText = !_ended && _constraint.Vocabulary.HasText(token);
        _place = isText && _constraint.Advance(_place, bytes) is { } next ? next : throw Refused(token, "cannot come here");
    }

    TokenSet WithOpening()
    {
        TokenSet allowed = _constraint.Allowed(_place).Copy();
        allowed.Add(_opening);
        return allowed;
    }

    TokenSet Ends()
    {
        TokenSet ends = new(_constraint.Vocabulary.Size);
        foreach (int token in _constraint.Vocabulary.EndTokens)
        {
            ends.Add(token);
        }

        return ends;
    }

    InvalidOperationException Refused(int token, string why) =>
        new($"The token {token} breaks the answer's {_constraint.Constraint.Kind} constraint: it {why}.");
}
