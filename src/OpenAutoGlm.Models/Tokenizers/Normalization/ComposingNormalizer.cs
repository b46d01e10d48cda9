using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Normalization;

/// <summary>
/// Unicode's canonical composition (NFC): an e followed by a combining acute becomes é. Written here because .NET
/// leaves text as it is where globalisation is invariant, as it is in this program. Source: Unicode Annex 15.
/// </summary>
sealed class ComposingNormalizer : TextNormalizer
{
    public override string Name => "canonical composition";

    public override void Normalize(ReadOnlySpan<byte> text, bool isFirst, ByteBuffer output)
    {
        // Below U+0300, which is 0xCC 0x80, there are no combining marks and nothing that decomposes for good.
        if (text.IndexOfAnyInRange((byte)0xCC, (byte)0xFF) < 0)
        {
            output.Append(text);
            return;
        }

        List<int> segment = [];
        while (!text.IsEmpty)
        {
            Rune.DecodeFromUtf8(text, out Rune rune, out int consumed);
            text = text[consumed..];

            // What starts a segment never combines with what comes before it, so each segment is done by itself.
            bool inert = CanonicalComposition.IsInert(rune.Value);
            if (segment.Count > 0 && (inert || CanonicalComposition.StartsSegment(rune.Value)))
            {
                Write(segment, output);
            }

            if (inert)
            {
                segment.Add(rune.Value);
            }
            else
            {
                CanonicalComposition.Decompose(rune.Value, segment);
            }
        }

        Write(segment, output);
    }

    static void Write(List<int> segment, ByteBuffer output)
    {
        if (segment.Count > 1)
        {
            SortMarks(segment);
            Compose(segment);
        }

        Span<byte> utf8 = stackalloc byte[4];
        foreach (int value in segment)
        {
            output.Append(utf8[..new Rune(value).EncodeToUtf8(utf8)]);
        }

        segment.Clear();
    }

    /// <summary>Puts each run of combining marks in the order of their classes, equal ones as they stood.</summary>
    static void SortMarks(List<int> segment)
    {
        for (int start = 0; start < segment.Count;)
        {
            int end = start;
            while (end < segment.Count && CanonicalComposition.Class(segment[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                int[] sorted = [.. segment[start..end].OrderBy(CanonicalComposition.Class)];
                for (int i = 0; i < sorted.Length; i++)
                {
                    segment[start + i] = sorted[i];
                }
            }

            start = end + 1;
        }
    }

    /// <summary>Joins each character with the last starter, unless a mark of the same or a higher class stands between.</summary>
    static void Compose(List<int> segment)
    {
        int starter = -1, written = 0, lastClass = -1;
        for (int i = 0; i < segment.Count; i++)
        {
            int value = segment[i];
            int valueClass = CanonicalComposition.Class(value);
            bool blocked = lastClass >= valueClass && lastClass >= 0;
            if (starter >= 0 && !blocked && CanonicalComposition.Pair(segment[starter], value) is > 0 and int composed)
            {
                segment[starter] = composed;
                continue;
            }

            if (valueClass == 0)
            {
                (starter, lastClass) = (written, -1);
            }
            else
            {
                lastClass = valueClass;
            }

            segment[written++] = value;
        }

        segment.RemoveRange(written, segment.Count - written);
    }
}
