using OpenAutoGlm.Models.Tokenizers.Merging;

namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>The merges of a byte-pair encoding, best first, whether its file lists them or only ranks its tokens.</summary>
static class MergeDerivation
{
    /// <summary>The two sides of every merge, by their bytes.</summary>
    public static IEnumerable<(byte[] Left, byte[] Right)> Of(Vocabulary vocabulary, BytePairEncoder encoder) => encoder is MergeListEncoder list
        ? list.Merges.Select(merge => (vocabulary.Bytes(merge.Left).ToArray(), vocabulary.Bytes(merge.Right).ToArray()))
        : Enumerable.Range(0, vocabulary.Count).Where(id => vocabulary.Kind(id) == TokenKind.Normal).Select(id => Split(vocabulary, id)).OfType<(byte[], byte[])>();

    /// <summary>
    /// The last merge that makes a token: what the tokens of lower rank leave of its bytes, which is two parts. Null where it
    /// is one byte, or where merging never leads to it and only looking the whole piece up finds it.
    /// </summary>
    static (byte[], byte[])? Split(Vocabulary vocabulary, int id)
    {
        byte[] bytes = vocabulary.Bytes(id).ToArray();
        List<int> ends = [.. Enumerable.Range(0, bytes.Length + 1)];
        while (ends.Count > 3)
        {
            (int best, int at) = (id, -1);
            for (int i = 0; i + 2 < ends.Count; i++)
            {
                int joined = vocabulary.Find(bytes.AsSpan(ends[i]..ends[i + 2]));
                (best, at) = joined >= 0 && joined < best ? (joined, i) : (best, at);
            }

            if (at < 0)
            {
                return null;
            }

            ends.RemoveAt(at + 1);
        }

        return ends.Count == 3 ? (bytes[..ends[1]], bytes[ends[1]..]) : null;
    }
}
