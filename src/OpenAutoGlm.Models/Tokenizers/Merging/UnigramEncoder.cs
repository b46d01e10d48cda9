using System.Buffers;
using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>
/// The segmentation of highest probability under a unigram model: maximises the sum of the tokens' log probabilities
/// (their scores) by Viterbi's algorithm; of equal sums the one found first, that is with the earliest last token.
/// Source: Kudo 2018, "Subword Regularization", §3.2.
/// </summary>
sealed class UnigramEncoder : PieceEncoder
{
    const double UnknownPenalty = 10; // below the worst token, as SentencePiece has it

    readonly ByteTrie _trie;
    readonly double _unknownScore;

    public UnigramEncoder(Vocabulary vocabulary, int? unknownId)
        : base(vocabulary, unknownId, marksSpaces: true)
    {
        List<(byte[], int)> keys = [];
        double lowest = double.PositiveInfinity;
        for (int id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.Kind(id) is TokenKind.Normal or TokenKind.UserDefined && vocabulary.Bytes(id).Length > 0)
            {
                keys.Add((vocabulary.Bytes(id).ToArray(), id));
                lowest = vocabulary.Kind(id) == TokenKind.Normal ? Math.Min(lowest, vocabulary.Score(id)) : lowest;
            }
        }

        _trie = new ByteTrie(keys);
        _unknownScore = (double.IsInfinity(lowest) ? 0 : lowest) - UnknownPenalty;
        RequireCoverage();
    }

    public override string Name => "SentencePiece unigram";

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        double[] scores = ArrayPool<double>.Shared.Rent(piece.Length + 1); // of the best way to each position
        int[] arena = ArrayPool<int>.Shared.Rent((piece.Length + 1) * 2);
        try
        {
            Span<int> starts = arena.AsSpan(0, piece.Length + 1); // where the last token on that way begins
            Span<int> tokens = arena.AsSpan(piece.Length + 1, piece.Length + 1); // and which it is; −1 for unknown text
            scores.AsSpan(0, piece.Length + 1).Fill(double.NegativeInfinity);
            scores[0] = 0;
            for (int start = 0; start < piece.Length;)
            {
                Rune.DecodeFromUtf8(piece[start..], out _, out int characterBytes);
                bool known = false;
                int node = ByteTrie.Root;
                for (int i = start; i < piece.Length && (node = _trie.Step(node, piece[i])) >= 0; i++)
                {
                    int id = _trie.Value(node);
                    if (id >= 0 && IsBoundary(piece, i + 1))
                    {
                        known |= i + 1 == start + characterBytes;
                        Relax(start, i + 1, scores[start] + Vocabulary.Score(id), id, scores, starts, tokens);
                    }
                }

                if (!known)
                {
                    Relax(start, start + characterBytes, scores[start] + _unknownScore, -1, scores, starts, tokens);
                }

                start += characterBytes;
            }

            Append(piece, starts, tokens, ids);
        }
        finally
        {
            ArrayPool<double>.Shared.Return(scores);
            ArrayPool<int>.Shared.Return(arena);
        }
    }

    static void Relax(int start, int end, double score, int id, double[] scores, Span<int> starts, Span<int> tokens)
    {
        if (score > scores[end])
        {
            (scores[end], starts[end], tokens[end]) = (score, start, id);
        }
    }

    /// <summary>Walks the best way back, turns the links around, and writes the ids from the front.</summary>
    void Append(ReadOnlySpan<byte> piece, Span<int> starts, Span<int> tokens, List<int> ids)
    {
        int end = piece.Length, following = -1, followingToken = -1;
        while (end > 0)
        {
            int start = starts[end], token = tokens[end];
            (starts[end], tokens[end]) = (following, followingToken);
            (following, followingToken, end) = (end, token, start);
        }

        bool afterUnknown = false;
        for (int start = 0; following > 0;)
        {
            if (followingToken >= 0)
            {
                ids.Add(followingToken);
                afterUnknown = false;
            }
            else
            {
                EncodeUnknown(piece[start..following], ids, ref afterUnknown);
            }

            start = following;
            (following, followingToken) = (starts[start], tokens[start]);
        }
    }

    static bool IsBoundary(ReadOnlySpan<byte> text, int position) => position == text.Length || (text[position] & 0xC0) != 0x80;
}
