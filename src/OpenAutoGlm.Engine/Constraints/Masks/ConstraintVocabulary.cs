using System.Text;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Schemas;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Constraints.Masks;

/// <summary>
/// A vocabulary as constraints see it: tokens by their bytes, and what the inside of JSON strings has in common, worked
/// out once. Special tokens are not in it: their names are never text. Shared by all constraints; safe for use from many
/// threads.
/// </summary>
sealed class ConstraintVocabulary
{
    readonly byte[]?[] _bytes;
    readonly Func<int, byte[]> _names;
    readonly TokenSet[] _plainUpTo; // by characters

    /// <param name="size">How many tokens there are.</param>
    /// <param name="bytes">The bytes of a token in text; null for one that is no text.</param>
    /// <param name="endTokens">Tokens that end an answer.</param>
    /// <param name="names">The names of special tokens; null where they have none.</param>
    public ConstraintVocabulary(int size, Func<int, byte[]?> bytes, IEnumerable<int> endTokens, Func<int, byte[]>? names = null)
    {
        _names = names ?? (_ => []);
        EndTokens = [.. endTokens.Where(id => (uint)id < (uint)size).Distinct()];
        _bytes = [.. Enumerable.Range(0, size).Select(id => EndTokens.Contains(id) ? null : bytes(id))];
        (int Token, byte[] Bytes)[] all = [.. _bytes.Select((content, id) => (id, content!)).Where(entry => entry.Item2 is { Length: > 0 })];
        LongestSpaces = all.Where(entry => entry.Bytes.Length <= TokenTrie.MaxTokenBytes).Select(entry => Spaces(entry.Bytes)).Append(0).Max();
        Trie = new TokenTrie(all);
        Dictionary<int, int> characters = all.Where(entry => entry.Bytes.Length <= TokenTrie.MaxTokenBytes).ToDictionary(entry => entry.Token, entry => PlainCharacters(entry.Bytes));
        Awkward = new TokenTrie(all.Where(entry => !characters.TryGetValue(entry.Token, out int count) || count < 0));
        int longest = characters.Values.Append(0).Max();
        (Inner, Closing, Escaping) = Sort(size, all.Where(entry => characters.TryGetValue(entry.Token, out int count) && count < 0));
        _plainUpTo = new TokenSet[longest + 1];
        _plainUpTo[0] = new TokenSet(size);
        ILookup<int, int> byCount = characters.ToLookup(entry => entry.Value, entry => entry.Key);
        for (int count = 1; count <= longest; count++)
        {
            _plainUpTo[count] = byCount.Contains(count) ? _plainUpTo[count - 1].Copy() : _plainUpTo[count - 1];
            foreach (int token in byCount[count])
            {
                _plainUpTo[count].Add(token);
            }
        }

        Inside = _plainUpTo[longest].Copy();
        Inside.UnionWith(Inner);
    }

    /// <summary>How many tokens there are.</summary>
    public int Size => _bytes.Length;

    /// <summary>Tokens that end an answer.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>All tokens that are text.</summary>
    public TokenTrie Trie { get; }

    /// <summary>The tokens that are not plain: with a quote, a backslash, a control character, or half a character.</summary>
    public TokenTrie Awkward { get; }

    /// <summary>Awkward tokens that stay inside a string whatever it may hold: escapes, beginnings of characters.</summary>
    public TokenSet Inner { get; }

    /// <summary>All tokens that stay inside a string whatever it may hold.</summary>
    public TokenSet Inside { get; }

    /// <summary>Tokens that are plain characters, a quote and something more, by what comes after the quote.</summary>
    public TokenTrie Closing { get; }

    /// <summary>Tokens with an escape and a quote that ends the string.</summary>
    public TokenTrie Escaping { get; }

    /// <summary>The vocabulary of a tokenizer. Special tokens among the marks are text by their names.</summary>
    public static ConstraintVocabulary Of(Tokenizer tokenizer, IEnumerable<int> endTokens, IReadOnlySet<int>? marks = null) => new(
        tokenizer.VocabularySize,
        id => tokenizer.IsSpecial(id) && marks?.Contains(id) != true ? null : tokenizer.TokenBytes(id).ToArray(),
        tokenizer.EosIds.Concat(endTokens),
        id => tokenizer.TokenBytes(id).ToArray());

    /// <summary>The longest run of white space in one token.</summary>
    public int LongestSpaces { get; }

    /// <summary>The bytes of a token; empty where it is no text.</summary>
    public ReadOnlySpan<byte> Bytes(int token) => (uint)token < (uint)_bytes.Length ? _bytes[token] : default(ReadOnlySpan<byte>);

    /// <summary>The tokens that are at most so many whole characters, none of which means anything inside a JSON string.</summary>
    public TokenSet PlainUpTo(int characters) => _plainUpTo[Math.Min(characters, _plainUpTo.Length - 1)];

    /// <summary>Whether a token stands for text, if only the empty one.</summary>
    public bool HasText(int token) => (uint)token < (uint)_bytes.Length && _bytes[token] is not null;

    /// <summary>Whether a special token has a name.</summary>
    public bool IsNamed(int token, ReadOnlySpan<byte> name) =>
        (uint)token < (uint)_bytes.Length && _bytes[token] is null && name.SequenceEqual(_names(token));

    static (TokenSet Inner, TokenTrie Closing, TokenTrie Escaping) Sort(int size, IEnumerable<(int Token, byte[] Bytes)> awkward)
    {
        TokenSet inner = new(size);
        List<(int, byte[])> closing = [];
        List<(int, byte[])> escaping = [];
        Machine any = AnyString();
        foreach ((int token, byte[] bytes) in awkward)
        {
            // A string is open: the text before the quote that ends it, if there is one.
            int quote = 0;
            bool hasEscape = false;
            while (quote < bytes.Length && bytes[quote] != '"')
            {
                hasEscape |= bytes[quote] == '\\';
                quote += bytes[quote] == '\\' ? 2 : 1;
            }

            Frame? frame = any.Start.Top.Step((byte)'"').Next;
            for (int i = 0; i < Math.Min(quote, bytes.Length) && frame is not null; i++)
            {
                frame = frame.Step(bytes[i]).Next;
            }

            if (frame is null)
            {
                continue;
            }

            if (quote >= bytes.Length)
            {
                inner.Add(token);
            }
            else if (hasEscape)
            {
                escaping.Add((token, bytes));
            }
            else if (frame.Step((byte)'"').Move != Move.Dead)
            {
                closing.Add((token, bytes[quote..])); // with its quote, so that none is empty
            }
        }

        return (inner, new TokenTrie(closing), new TokenTrie(escaping));
    }

    /// <summary>The language of one string.</summary>
    static JsonMachine AnyString() =>
        new(new SymbolTable(SchemaDocument.Parse("""{"type":"string"}""", new JsonSchemaOptions(), CancellationToken.None)), 0, 0);

    static int Spaces(ReadOnlySpan<byte> bytes)
    {
        int longest = 0;
        int run = 0;
        foreach (byte value in bytes)
        {
            run = value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        return longest;
    }

    /// <summary>The characters of a plain token, or −1.</summary>
    static int PlainCharacters(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) != System.Buffers.OperationStatus.Done || rune.Value is < 0x20 or '"' or '\\')
            {
                return -1;
            }

            bytes = bytes[length..];
            count++;
        }

        return count;
    }
}
