using System.Collections.Immutable;
using System.Text;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>
/// Turns text into the token ids a model was trained on, and back. Immutable after loading; all members may be used
/// from any thread. Load one with <see cref="TokenizerLoader"/>.
/// </summary>
public sealed class Tokenizer
{
    /// <summary>The longest text in UTF-8 that is encoded at once.</summary>
    public const int MaxTextBytes = 1 << 28;

    readonly TokenizerParts _parts;
    readonly Vocabulary _vocabulary;
    readonly AddedTokenMatcher? _always;
    readonly AddedTokenMatcher? _onRequest; // those of _always too
    readonly AddedTokenMatcher? _controls; // those on request only

    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _vocabulary = parts.Vocabulary;
        AddedToken[] always = [.. parts.AddedTokens.Where(token => !token.OnRequest)];
        _always = always.Length > 0 ? new AddedTokenMatcher(always) : null;
        _onRequest = parts.AddedTokens.Count > 0 ? new AddedTokenMatcher(parts.AddedTokens) : null;
        AddedToken[] controls = [.. parts.AddedTokens.Where(token => token.OnRequest)];
        _controls = controls.Length > 0 ? new AddedTokenMatcher(controls) : null;
        EosIds = [.. new[] { parts.EosId }.OfType<int>().Concat(parts.EndIds).Distinct()];
        foreach (int id in EosIds.Concat(parts.Prefix).Concat(parts.Suffix).Concat(new[] { parts.BosId, parts.PadId, parts.UnknownId }.OfType<int>()))
        {
            if ((uint)id >= (uint)_vocabulary.Count)
            {
                throw new ModelFormatException(_vocabulary.File, "special tokens", $"the id {id} is outside the vocabulary of {_vocabulary.Count} tokens.");
            }
        }
    }

    /// <summary>What the tokenizer is made of, for those who write it to a file.</summary>
    internal TokenizerParts Parts => _parts;

    /// <summary>How many ids there are: 0 to this less one. A model may have more rows of logits, which are padding.</summary>
    public int VocabularySize => _vocabulary.Count;

    /// <summary>The token that begins a text, if the model has one.</summary>
    public int? BosId => _parts.BosId;

    /// <summary>The token that ends a text, if the model has one.</summary>
    public int? EosId => _parts.EosId;

    /// <summary>Every token that ends an answer, <see cref="EosId"/> first: end of text, end of turn, the next turn's role.</summary>
    public ImmutableArray<int> EosIds { get; }

    /// <summary>The token that fills up a batch, if the model has one.</summary>
    public int? PadId => _parts.PadId;

    /// <summary>The token for text outside the vocabulary, if the model has one.</summary>
    public int? UnknownId => _parts.UnknownId;

    /// <summary>The tokenizer in one line: source, algorithm, pre-tokenizer, size.</summary>
    public string Description =>
        $"{_parts.Source}: {_vocabulary.Count} tokens, {_parts.Encoder.Name}"
        + (_parts.PreTokenizer is { } rules ? $", pre-tokenizer {rules.Name}" : "")
        + (_parts.Normalizers.Count > 0 ? $", {string.Join(" and ", _parts.Normalizers.Select(normalizer => normalizer.Name))}" : "")
        + (_parts.AddedTokens.Count > 0 ? $", {_parts.AddedTokens.Count} added tokens" : "");

    /// <summary>The ids of a text. Takes time linear in its length up to a logarithm, whatever the text.</summary>
    /// <param name="text">The text; a surrogate without its other half counts as U+FFFD.</param>
    /// <param name="parseSpecials">
    /// Whether control tokens spelled out in the text become those tokens. Right for a rendered chat template, wrong
    /// for what a user typed, who could close their own turn with it.
    /// </param>
    /// <param name="addSpecials">Whether the marks the model wants around a text (BOS, EOS, GLM's [gMASK]&lt;sop&gt;) are added.</param>
    /// <exception cref="ArgumentException">The text has more than <see cref="MaxTextBytes"/> in UTF-8.</exception>
    public int[] Encode(ReadOnlySpan<char> text, bool parseSpecials = false, bool addSpecials = true)
    {
        byte[] utf8 = Utf8(text);
        List<int> ids = new(utf8.Length / 3 + 8);
        ids.AddRange(addSpecials ? _parts.Prefix : []);
        EncodeBetweenAdded(utf8, parseSpecials ? _onRequest : _always, [], ids);
        ids.AddRange(addSpecials ? _parts.Suffix : []);
        return [.. ids];
    }

    /// <summary>
    /// A text in which every control token that is spelled out has a mark behind its first character. Put together with
    /// other text, for example by a chat template, it can still be told from control tokens that stand there of right:
    /// <see cref="EncodeGuarded"/> does. The same string where there is nothing to mark.
    /// </summary>
    /// <param name="text">What somebody typed, without the mark.</param>
    /// <param name="mark">A character of the basic plane that is in none of the texts.</param>
    /// <param name="except">Control tokens that may stand in such a text of right.</param>
    public string Guard(string text, char mark, IReadOnlySet<int>? except = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] utf8 = _controls is null ? [] : Utf8(text);
        int next = _controls?.NextText(utf8, 0, except) ?? -1;
        if (next < 0)
        {
            return text;
        }

        StringBuilder guarded = new(text.Length + 16);
        int start = 0;
        for (; next >= 0; next = _controls!.NextText(utf8, next + 1, except))
        {
            int end = next + 1;
            while (end < utf8.Length && (utf8[end] & 0xC0) == 0x80)
            {
                end++;
            }

            guarded.Append(Encoding.UTF8.GetString(utf8.AsSpan(start, end - start))).Append(mark);
            start = end;
        }

        return guarded.Append(Encoding.UTF8.GetString(utf8.AsSpan(start))).ToString();
    }

    /// <summary>
    /// The ids of a text with control tokens, among them parts that <see cref="Guard"/> has marked: what begins before a mark
    /// is text. The marks are taken out. Nothing is added around the text.
    /// </summary>
    /// <exception cref="ArgumentException">The text has more than <see cref="MaxTextBytes"/> in UTF-8.</exception>
    public int[] EncodeGuarded(ReadOnlySpan<char> text, char mark)
    {
        byte[] marked = Utf8(text);
        byte[] sign = Encoding.UTF8.GetBytes([mark]);
        byte[] utf8 = new byte[marked.Length];
        List<int> guarded = [];
        int length = 0;
        int lastStart = 0;
        for (int i = 0; i < marked.Length;)
        {
            if (marked.AsSpan(i).StartsWith(sign))
            {
                i += sign.Length;
                if (guarded.Count == 0 || guarded[^1] < lastStart)
                {
                    guarded.Add(lastStart);
                }

                continue;
            }

            lastStart = (marked[i] & 0xC0) == 0x80 ? lastStart : length;
            utf8[length++] = marked[i++];
        }

        List<int> ids = new(length / 3 + 8);
        EncodeBetweenAdded(utf8.AsSpan(0, length), _onRequest, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(guarded), ids);
        return [.. ids];
    }

    /// <summary>The text of ids. Bytes that are no UTF-8 become U+FFFD.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecials">Whether tokens that are no text are left out; otherwise their names are written.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecials = true)
    {
        StreamingDecoder decoder = CreateStreamingDecoder(skipSpecials);
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(decoder.Push(id));
        }

        return text.Append(decoder.Flush()).ToString();
    }

    /// <summary>A decoder for ids that come one at a time.</summary>
    /// <param name="skipSpecials">Whether tokens that are no text are left out; otherwise their names are written.</param>
    /// <param name="continues">
    /// Whether text stands before the first id, so that the space at its front (which SentencePiece puts before every
    /// text, and which decoding takes away) is a real one.
    /// </param>
    public StreamingDecoder CreateStreamingDecoder(bool skipSpecials = true, bool continues = false) =>
        new(this, skipSpecials, _parts.StripLeadingSpace && !continues);

    /// <summary>The bytes a token stands for, which need not be whole characters; a control token's are its name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public ReadOnlySpan<byte> TokenBytes(int id) => _vocabulary.Bytes(Checked(id));

    /// <summary>The text of one token, for people; U+FFFD where its bytes are no whole characters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string TokenText(int id) => Encoding.UTF8.GetString(TokenBytes(id));

    /// <summary>Whether a token stands for no text: a control token, the unknown token or a hole in the vocabulary.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public bool IsSpecial(int id) => _vocabulary.Kind(Checked(id)) is TokenKind.Control or TokenKind.Unknown or TokenKind.Unused;

    /// <summary>The token with this text: "&lt;|user|&gt;", " hello", or SentencePiece's "&lt;0x0A&gt;" for a byte.</summary>
    public bool TryGetId(string text, out int id)
    {
        id = _vocabulary.FindAny(text);
        return id >= 0;
    }

    int Checked(int id) => (uint)id < (uint)_vocabulary.Count
        ? id
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"Token ids of this model go from 0 to {_vocabulary.Count - 1}.");

    static byte[] Utf8(ReadOnlySpan<char> text)
    {
        long utf8Length = Encoding.UTF8.GetByteCount(text);
        if (utf8Length > MaxTextBytes)
        {
            throw new ArgumentException($"The text has {utf8Length} bytes in UTF-8; at most {MaxTextBytes} are encoded at once.", nameof(text));
        }

        byte[] utf8 = new byte[utf8Length];
        Encoding.UTF8.GetBytes(text, utf8);
        return utf8;
    }

    void EncodeBetweenAdded(ReadOnlySpan<byte> text, AddedTokenMatcher? matcher, ReadOnlySpan<int> guarded, List<int> ids)
    {
        Scratch scratch = new();
        int start = 0;
        while (matcher is not null && matcher.TryFind(text, start, guarded, out AddedToken token, out Range range))
        {
            EncodePlain(text[start..range.Start.Value], start == 0, scratch, ids);
            ids.Add(token.Id);
            start = range.End.Value;
        }

        EncodePlain(text[start..], start == 0, scratch, ids);
    }

    void EncodePlain(ReadOnlySpan<byte> text, bool isFirst, Scratch scratch, List<int> ids)
    {
        if (text.IsEmpty)
        {
            return;
        }

        ReadOnlySpan<byte> normal = text;
        for (int i = 0; i < _parts.Normalizers.Count && !normal.IsEmpty; i++)
        {
            ByteBuffer buffer = scratch.Buffers[i % 2];
            buffer.Truncate(0);
            _parts.Normalizers[i].Normalize(normal, isFirst, buffer);
            normal = buffer.Written;
        }

        if (_parts.PreTokenizer is null)
        {
            _parts.Encoder.Encode(normal, ids);
            return;
        }

        scratch.Ends.Clear();
        _parts.PreTokenizer.Split(normal, scratch.Ends);
        int start = 0;
        foreach (int end in scratch.Ends)
        {
            _parts.Encoder.Encode(normal[start..end], ids);
            start = end;
        }
    }

    sealed class Scratch
    {
        public ByteBuffer[] Buffers { get; } = [new(), new()];

        public List<int> Ends { get; } = [];
    }
}
