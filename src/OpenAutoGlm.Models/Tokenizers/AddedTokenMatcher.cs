using System.Buffers;
using System.Text;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Finds added tokens in text: the leftmost, and of those that begin together the longest.</summary>
sealed class AddedTokenMatcher
{
    /// <summary>Longer than any published added token; it bounds the work per byte of text.</summary>
    public const int MaxTextBytes = 1024;

    readonly AddedToken[] _tokens;
    readonly ByteTrie _trie;
    readonly SearchValues<byte> _firstBytes;

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        _tokens = [.. tokens];
        byte[][] texts = [.. _tokens.Select(token => Encoding.UTF8.GetBytes(token.Text))];
        _trie = new ByteTrie(texts.Select((text, index) => (text, index)));
        _firstBytes = SearchValues.Create([.. texts.Select(text => text[0]).Distinct()]);
    }

    /// <summary>Where the next text of a token begins at or after <paramref name="start"/>, whatever is around it; −1 for nowhere.</summary>
    public int NextText(ReadOnlySpan<byte> text, int start, IReadOnlySet<int>? except)
    {
        for (int position = start; position < text.Length; position++)
        {
            int skip = text[position..].IndexOfAny(_firstBytes);
            if (skip < 0)
            {
                break;
            }

            position += skip;
            int node = ByteTrie.Root;
            for (int i = position; i < text.Length && (node = _trie.Step(node, text[i])) >= 0; i++)
            {
                if (_trie.Value(node) is >= 0 and int index && except?.Contains(_tokens[index].Id) != true)
                {
                    return position;
                }
            }
        }

        return -1;
    }

    /// <summary>The next added token at or after <paramref name="start"/>, and the text it takes up.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="guarded">Places, rising, at which no token begins that is matched on request only.</param>
    /// <param name="token">The token.</param>
    /// <param name="range">Its text.</param>
    public bool TryFind(ReadOnlySpan<byte> text, int start, ReadOnlySpan<int> guarded, out AddedToken token, out Range range)
    {
        for (int position = start; position < text.Length; position++)
        {
            int skip = text[position..].IndexOfAny(_firstBytes);
            if (skip < 0)
            {
                break;
            }

            position += skip;
            if (TryMatch(text, position, guarded.BinarySearch(position) >= 0, out token, out int end))
            {
                int from = token.TakesSpaceBefore ? StartOfSpaces(text, start, position) : position;
                range = from..(token.TakesSpaceAfter ? Characters.EndOfRun(text, end, CharacterKinds.Space) : end);
                return true;
            }
        }

        (token, range) = (default, default);
        return false;
    }

    bool TryMatch(ReadOnlySpan<byte> text, int position, bool isGuarded, out AddedToken token, out int end)
    {
        (token, end) = (default, -1);
        int node = ByteTrie.Root;
        for (int i = position; i < text.Length && (node = _trie.Step(node, text[i])) >= 0; i++)
        {
            int index = _trie.Value(node);
            if (index >= 0 && !(isGuarded && _tokens[index].OnRequest) && (!_tokens[index].SingleWord || StandsAlone(text, position, i + 1)))
            {
                (token, end) = (_tokens[index], i + 1);
            }
        }

        return end >= 0;
    }

    static bool StandsAlone(ReadOnlySpan<byte> text, int start, int end)
    {
        Rune.DecodeLastFromUtf8(text[..start], out Rune before, out int bytesBefore);
        Rune.DecodeFromUtf8(text[end..], out Rune after, out int bytesAfter);
        return !(bytesBefore > 0 && IsWord(before)) && !(bytesAfter > 0 && IsWord(after));
    }

    static bool IsWord(Rune rune) => Rune.IsLetterOrDigit(rune) || rune.Value == '_';

    static int StartOfSpaces(ReadOnlySpan<byte> text, int floor, int position)
    {
        while (position > floor)
        {
            Rune.DecodeLastFromUtf8(text[floor..position], out Rune rune, out int bytes);
            if (!Rune.IsWhiteSpace(rune))
            {
                break;
            }

            position -= bytes;
        }

        return position;
    }
}
