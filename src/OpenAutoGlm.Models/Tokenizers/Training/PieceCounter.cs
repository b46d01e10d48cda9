using System.Text;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Training;

/// <summary>Counts the pieces that a pre-tokenizer cuts texts into. A piece is kept as a string of its bytes, one character each.</summary>
sealed class PieceCounter(PreTokenizerPipeline rules)
{
    const int ChunkCharacters = 1 << 18;
    const int LongestPiece = 1 << 12;

    /// <summary>The pieces of some texts and how often each is there.</summary>
    public Dictionary<string, long> Count(IEnumerable<string> texts, CancellationToken cancellation)
    {
        Dictionary<string, long> counts = new(StringComparer.Ordinal);
        Lock gate = new();
        ParallelOptions options = new() { CancellationToken = cancellation };
        Parallel.ForEach(texts.SelectMany(Chunks), options, () => new Dictionary<string, long>(StringComparer.Ordinal), (chunk, _, own) => Add(own, chunk.Span), own =>
        {
            lock (gate)
            {
                foreach ((string piece, long count) in own)
                {
                    counts[piece] = counts.GetValueOrDefault(piece) + count;
                }
            }
        });
        return counts;
    }

    /// <summary>Long texts in parts that end with a line.</summary>
    static IEnumerable<ReadOnlyMemory<char>> Chunks(string text)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = start + ChunkCharacters >= text.Length ? text.Length : text.IndexOf('\n', start + ChunkCharacters) + 1;
            end = end == 0 ? text.Length : end;
            yield return text.AsMemory(start, end - start);
            start = end;
        }
    }

    Dictionary<string, long> Add(Dictionary<string, long> counts, ReadOnlySpan<char> text)
    {
        byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, utf8);
        List<int> ends = [];
        rules.Split(utf8, ends);
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> piece = stackalloc char[LongestPiece];
        int start = 0;
        foreach (int end in ends)
        {
            // Endless runs of one kind teach nothing that their beginning does not.
            int length = Math.Min(end - start, LongestPiece);
            Encoding.Latin1.GetChars(utf8.AsSpan(start, length), piece);
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(lookup, piece[..length], out _)++;
            start = end;
        }

        return counts;
    }
}
