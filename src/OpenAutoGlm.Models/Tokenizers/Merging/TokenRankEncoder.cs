namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>
/// Byte-pair encoding where any two neighbours join if their text is a token, in the order of that token's rank:
/// tiktoken ranks by id, SentencePiece by score, highest first.
/// </summary>
sealed class TokenRankEncoder : BytePairEncoder
{
    readonly int[]? _ranks; // by id; null where the id is the rank

    TokenRankEncoder(Vocabulary vocabulary, int[]? ranks, int? unknownId, bool fromCharacters, bool wholePiecesFirst)
        : base(vocabulary, unknownId, fromCharacters, wholePiecesFirst)
    {
        _ranks = ranks;
        RequireCoverage();
    }

    /// <summary>Whether tokens rank by their ids, as tiktoken's do.</summary>
    public bool IsById => _ranks is null;

    public override string Name => _ranks is null ? "byte-pair encoding by token rank" : "SentencePiece byte-pair encoding";

    /// <summary>tiktoken: bytes join in the order of the joined token's id; a piece that is a token is looked up first.</summary>
    public static TokenRankEncoder ByIds(Vocabulary vocabulary, int? unknownId) => new(vocabulary, null, unknownId, false, true);

    /// <summary>SentencePiece: characters join in the order of the joined token's score; equal scores join leftmost first.</summary>
    public static TokenRankEncoder ByScores(Vocabulary vocabulary, int? unknownId)
    {
        int[] order = [.. Enumerable.Range(0, vocabulary.Count).OrderByDescending(vocabulary.Score)];
        int[] ranks = new int[vocabulary.Count];
        for (int i = 1; i < order.Length; i++)
        {
            ranks[order[i]] = ranks[order[i - 1]] + (vocabulary.Score(order[i]) < vocabulary.Score(order[i - 1]) ? 1 : 0);
        }

        return new TokenRankEncoder(vocabulary, ranks, unknownId, true, false);
    }

    protected override int Rank(ReadOnlySpan<byte> joined, int left, int right, out int merged)
    {
        merged = Vocabulary.Find(joined);
        return merged < 0 ? NoRank : _ranks is null ? merged : _ranks[merged];
    }
}
