using System.Text;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Collects tokens in any order of ids, as a file lists them, and checks each one.</summary>
sealed class VocabularyBuilder(string file)
{
    /// <summary>More than any published vocabulary has; a count above it is a broken file.</summary>
    public const int MaxTokens = 1 << 22;

    /// <summary>Longer than any published token; it bounds the work per byte of text.</summary>
    public const int MaxTokenBytes = 1 << 14;

    readonly List<(byte[]? Bytes, TokenKind Kind, float Score)> _tokens = [];

    public string File => file;

    public int Count => _tokens.Count;

    /// <summary>Whether this id has been given a token.</summary>
    public bool Contains(int id) => id >= 0 && id < _tokens.Count && _tokens[id].Bytes is not null;

    /// <summary>The bytes given to an id; empty for a hole.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _tokens[id].Bytes;

    /// <summary>Gives an id its token.</summary>
    /// <exception cref="ModelFormatException">The id is out of range or taken, the token too long, the score no number.</exception>
    public void Add(long id, byte[] bytes, TokenKind kind = TokenKind.Normal, float score = 0)
    {
        if (id is < 0 or >= MaxTokens)
        {
            throw new ModelFormatException(file, $"token {id}", $"token ids go from 0 to {MaxTokens - 1}.");
        }

        if (Contains((int)id))
        {
            throw new ModelFormatException(file, $"token {id}", $"the id is given to \"{Encoding.UTF8.GetString(Bytes((int)id))}\" and to \"{Encoding.UTF8.GetString(bytes)}\".");
        }

        if (bytes.Length > MaxTokenBytes)
        {
            throw new ModelFormatException(file, $"token {id}", $"the token has {bytes.Length} bytes; at most {MaxTokenBytes} are accepted.");
        }

        if (!float.IsFinite(score))
        {
            throw new ModelFormatException(file, $"token {id}", $"the score {score} is not a number.");
        }

        while (_tokens.Count <= id)
        {
            _tokens.Add((null, TokenKind.Unused, 0));
        }

        _tokens[(int)id] = (bytes, kind, score);
    }

    /// <summary>Gives an id the kind and the text of an added token, whether or not the id has a token yet.</summary>
    /// <param name="id">The id.</param>
    /// <param name="text">The text as the file gives it.</param>
    /// <param name="kind">The kind it gets; the unknown token and byte tokens stay what they are.</param>
    /// <param name="marksSpaces">Whether the file writes U+2581 for a space in text.</param>
    /// <exception cref="ModelFormatException">The id has a token of another text, or is out of range.</exception>
    public void Mark(long id, string text, TokenKind kind, bool marksSpaces)
    {
        byte[] plain = Encoding.UTF8.GetBytes(text);
        byte[] bytes = marksSpaces && kind == TokenKind.UserDefined ? SentencePieceText.Bytes(text, kind)! : plain;
        if (!Contains((int)Math.Min(id, int.MaxValue)))
        {
            Add(id, bytes, kind);
            return;
        }

        ReadOnlySpan<byte> former = Bytes((int)id);
        TokenKind formerKind = _tokens[(int)id].Kind;
        if (formerKind == TokenKind.Byte && Vocabulary.TryParseByte(text, out byte value) && former[0] == value)
        {
            return;
        }

        // Among the ordinary tokens it may stand as plain text or in either spelling.
        if (!former.SequenceEqual(plain) && !former.SequenceEqual(SentencePieceText.Bytes(text, TokenKind.UserDefined))
            && !former.SequenceEqual(ByteLevelAlphabet.DecodeOrUtf8(text)))
        {
            throw new ModelFormatException(file, $"token {id}", $"the added token \"{text}\" has the id of \"{Encoding.UTF8.GetString(former)}\".");
        }

        _tokens[(int)id] = (bytes, formerKind == TokenKind.Unknown ? formerKind : kind, _tokens[(int)id].Score);
    }

    /// <summary>The vocabulary; ids without a token become holes.</summary>
    public Vocabulary Build()
    {
        if (_tokens.Count == 0)
        {
            throw new ModelFormatException(file, "tokens", "there is not a single token.");
        }

        int[] offsets = new int[_tokens.Count + 1];
        long total = 0;
        for (int id = 0; id < _tokens.Count; id++)
        {
            total += _tokens[id].Bytes?.Length ?? 0;
            offsets[id + 1] = total <= Array.MaxLength
                ? (int)total
                : throw new ModelFormatException(file, "tokens", $"the tokens take more than {Array.MaxLength} bytes.");
        }

        byte[] bytes = new byte[total];
        for (int id = 0; id < _tokens.Count; id++)
        {
            _tokens[id].Bytes.AsSpan().CopyTo(bytes.AsSpan(offsets[id]));
        }

        return new Vocabulary(file, bytes, offsets, [.. _tokens.Select(token => token.Kind)], [.. _tokens.Select(token => token.Score)]);
    }
}
