using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>Byte-pair encoding by an explicit list of merges, the rank being the place in the list (GPT-2 and after).</summary>
sealed class MergeListEncoder : BytePairEncoder
{
    readonly MergeTable _merges;

    /// <param name="vocabulary">The tokens; both sides and the result of every merge are among them.</param>
    /// <param name="merges">The text of the two sides of every merge, best first.</param>
    /// <param name="unknownId">The token for text without one, if any.</param>
    /// <param name="fromCharacters">Whether merging starts from characters, with bytes as the fallback, instead of bytes.</param>
    /// <param name="wholePiecesFirst">Whether a piece that is a token becomes that token, whatever the merges say.</param>
    /// <exception cref="ModelFormatException">A merge names a token that does not exist, or is there twice.</exception>
    public MergeListEncoder(
        Vocabulary vocabulary, IReadOnlyList<(byte[] Left, byte[] Right)> merges, int? unknownId, bool fromCharacters, bool wholePiecesFirst)
        : base(vocabulary, unknownId, fromCharacters, wholePiecesFirst)
    {
        _merges = new MergeTable(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (byte[] left, byte[] right) = merges[rank];
            int leftId = Required(left, rank);
            int rightId = Required(right, rank);
            if (!_merges.TryAdd(leftId, rightId, rank, Required([.. left, .. right], rank)))
            {
                throw new ModelFormatException(vocabulary.File, $"merge {rank}", $"\"{Text(left)}\" and \"{Text(right)}\" are merged already.");
            }
        }

        RequireCoverage();
    }

    public override string Name => "byte-pair encoding by merges";

    /// <summary>The merges, best first, by the ids of their sides and of their result.</summary>
    public IEnumerable<(int Left, int Right, int Merged)> Merges => _merges.InOrder();

    protected override int Rank(ReadOnlySpan<byte> joined, int left, int right, out int merged)
    {
        (int rank, merged) = left < 0 || right < 0 ? (-1, -1) : _merges[left, right];
        return rank < 0 ? NoRank : rank;
    }

    int Required(ReadOnlySpan<byte> text, int rank) => Vocabulary.Find(text) is >= 0 and int id
        ? id
        : throw new ModelFormatException(Vocabulary.File, $"merge {rank}", $"\"{Text(text)}\" is not a token of the vocabulary.");

    static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
