using System.Buffers;
using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>
/// Byte-pair encoding: starts from bytes or characters and keeps joining the neighbours of lowest rank, leftmost first
/// among equals, until no two neighbours can be joined. Source: Sennrich, Haddow &amp; Birch 2016, §3.2.
/// </summary>
/// <remarks>
/// A short piece is scanned anew for every merge. A long one keeps its symbols in a linked list and its candidate
/// pairs in a heap, so that a megabyte without a single word boundary costs n·log n. Both give the same ids.
/// </remarks>
abstract class BytePairEncoder(Vocabulary vocabulary, int? unknownId, bool fromCharacters, bool wholePiecesFirst)
    : PieceEncoder(vocabulary, unknownId, marksSpaces: fromCharacters)
{
    const int ShortPieceBytes = 64;
    protected const int NoRank = int.MaxValue;

    readonly bool _fromCharacters = fromCharacters;

    /// <summary>Whether merging starts from characters instead of bytes.</summary>
    public bool FromCharacters => _fromCharacters;

    /// <summary>Whether a piece that is a token becomes that token, whatever the merges say.</summary>
    public bool WholePiecesFirst => wholePiecesFirst;

    /// <summary>
    /// The rank at which two neighbouring symbols join, <see cref="NoRank"/> when they do not, and the joined symbol.
    /// </summary>
    /// <param name="joined">The text of both.</param>
    /// <param name="left">The left symbol's token, or −1.</param>
    /// <param name="right">The right symbol's token, or −1.</param>
    /// <param name="merged">The token of the joined symbol.</param>
    protected abstract int Rank(ReadOnlySpan<byte> joined, int left, int right, out int merged);

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        if (wholePiecesFirst && Vocabulary.Find(piece) is >= 0 and int whole)
        {
            ids.Add(whole);
        }
        else if (piece.Length <= ShortPieceBytes)
        {
            EncodeShort(piece, ids);
        }
        else
        {
            EncodeLong(piece, ids);
        }
    }

    /// <summary>Merges by scanning all pairs for the best one, in O(n²) of a small n.</summary>
    internal void EncodeShort(ReadOnlySpan<byte> piece, List<int> ids)
    {
        Span<int> starts = piece.Length < ShortPieceBytes + 1 ? stackalloc int[ShortPieceBytes + 1] : new int[piece.Length + 1];
        Span<int> tokens = stackalloc int[starts.Length];
        Span<int> ranks = stackalloc int[starts.Length]; // ranks[i] joins symbol i with its right neighbour
        Span<int> merged = stackalloc int[starts.Length];
        int count = 0;
        for (int start = 0; start < piece.Length; start += SymbolBytes(piece, start))
        {
            starts[count] = start;
            tokens[count++] = FirstToken(piece.Slice(start, SymbolBytes(piece, start)));
        }

        starts[count] = piece.Length;
        for (int i = 0; i + 1 < count; i++)
        {
            ranks[i] = Rank(piece[starts[i]..starts[i + 2]], tokens[i], tokens[i + 1], out merged[i]);
        }

        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                best = ranks[i] < ranks[best] ? i : best;
            }

            if (ranks[best] == NoRank)
            {
                break;
            }

            tokens[best] = merged[best];
            starts[(best + 2)..(count + 1)].CopyTo(starts[(best + 1)..]);
            tokens[(best + 2)..count].CopyTo(tokens[(best + 1)..]);
            ranks[(best + 1)..count].CopyTo(ranks[best..]);
            merged[(best + 1)..count].CopyTo(merged[best..]);
            count--;
            if (best > 0)
            {
                ranks[best - 1] = Rank(piece[starts[best - 1]..starts[best + 1]], tokens[best - 1], tokens[best], out merged[best - 1]);
            }

            if (best + 1 < count)
            {
                ranks[best] = Rank(piece[starts[best]..starts[best + 2]], tokens[best], tokens[best + 1], out merged[best]);
            }
        }

        bool afterUnknown = false;
        for (int i = 0; i < count; i++)
        {
            Append(piece[starts[i]..starts[i + 1]], tokens[i], ids, ref afterUnknown);
        }
    }

    /// <summary>Merges with a linked list of symbols and a heap of pairs, in O(n·log n).</summary>
    internal void EncodeLong(ReadOnlySpan<byte> piece, List<int> ids)
    {
        int length = piece.Length;
        int[] arena = ArrayPool<int>.Shared.Rent(checked((length * 5) + 1));
        try
        {
            // A symbol is named by the position of its first byte.
            Span<int> next = arena.AsSpan(0, length + 1); // next[length] is unused
            Span<int> previous = arena.AsSpan(length + 1, length);
            Span<int> tokens = arena.AsSpan((length * 2) + 1, length);
            Span<int> ranks = arena.AsSpan((length * 3) + 1, length); // joining with the right neighbour
            Span<int> merged = arena.AsSpan((length * 4) + 1, length);

            int last = -1;
            for (int start = 0; start < length; start = next[start])
            {
                next[start] = start + SymbolBytes(piece, start);
                previous[start] = last;
                tokens[start] = FirstToken(piece[start..next[start]]);
                last = start;
            }

            using MergeHeap heap = new(length);
            for (int start = 0; start < length; start = next[start])
            {
                ranks[start] = RankAt(piece, start, next, tokens, merged);
                if (ranks[start] != NoRank)
                {
                    heap.Append(ranks[start], start);
                }
            }

            heap.Order();
            while (heap.TryPop(out int rank, out int start))
            {
                if (ranks[start] != rank)
                {
                    continue; // One of the two has been joined with something else since.
                }

                int right = next[start];
                tokens[start] = merged[start];
                next[start] = next[right];
                ranks[right] = NoRank;
                if (next[start] < length)
                {
                    previous[next[start]] = start;
                }

                Consider(piece, start, next, tokens, ranks, merged, heap);
                if (previous[start] >= 0)
                {
                    Consider(piece, previous[start], next, tokens, ranks, merged, heap);
                }
            }

            bool afterUnknown = false;
            for (int start = 0; start < length; start = next[start])
            {
                Append(piece[start..next[start]], tokens[start], ids, ref afterUnknown);
            }
        }
        finally
        {
            ArrayPool<int>.Shared.Return(arena);
        }
    }

    void Consider(
        ReadOnlySpan<byte> piece, int start, ReadOnlySpan<int> next, ReadOnlySpan<int> tokens, Span<int> ranks, Span<int> merged, MergeHeap heap)
    {
        ranks[start] = RankAt(piece, start, next, tokens, merged);
        if (ranks[start] != NoRank)
        {
            heap.Push(ranks[start], start);
        }
    }

    int RankAt(ReadOnlySpan<byte> piece, int start, ReadOnlySpan<int> next, ReadOnlySpan<int> tokens, Span<int> merged)
    {
        int right = next[start];
        return right < piece.Length ? Rank(piece[start..next[right]], tokens[start], tokens[right], out merged[start]) : NoRank;
    }

    void Append(ReadOnlySpan<byte> text, int token, List<int> ids, ref bool afterUnknown)
    {
        if (token >= 0)
        {
            ids.Add(token);
            afterUnknown = false;
        }
        else
        {
            EncodeUnknown(text, ids, ref afterUnknown);
        }
    }

    int FirstToken(ReadOnlySpan<byte> symbol) => _fromCharacters ? Vocabulary.Find(symbol) : Vocabulary.ByteToken(symbol[0]);

    int SymbolBytes(ReadOnlySpan<byte> piece, int start)
    {
        if (!_fromCharacters || piece[start] < 0x80)
        {
            return 1;
        }

        Rune.DecodeFromUtf8(piece[start..], out _, out int consumed);
        return consumed;
    }
}
