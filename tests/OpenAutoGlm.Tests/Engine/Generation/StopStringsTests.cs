using System.Text;

namespace OpenAutoGlm.Engine.Generation;

public class StopStringsTests
{
    [Fact]
    public void Text_is_cut_at_the_first_stop_string_to_end_however_it_comes_in_pieces()
    {
        Random random = new(11);
        for (int round = 0; round < 3000; round++)
        {
            string text = Text(random, random.Next(0, 30));
            string[] stops = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Text(random, random.Next(1, 5))).Distinct()];
            StopStrings search = new([.. stops]);
            StringBuilder certain = new();
            string? found = null;
            for (int start = 0; start < text.Length && found is null;)
            {
                int length = Math.Min(random.Next(0, 5), text.Length - start);
                found = search.Push(text.AsSpan(start, length), certain);
                start += length;
                Assert.True(found is not null || Ends(text[..start], stops, certain.Length), "Text was given out that may begin a stop string.");
            }

            if (found is null)
            {
                search.Flush(certain);
            }

            (string expected, string? first) = Naive(text, stops);
            Assert.Equal((expected, first), (certain.ToString(), found));
        }
    }

    [Fact]
    public void Text_that_begins_no_stop_string_is_not_held_back()
    {
        StopStrings search = new(["</answer>", "\n\n"]);
        StringBuilder certain = new();
        Assert.Null(search.Push("do(a<b)\n", certain));
        Assert.Equal("do(a<b)", certain.ToString());
        Assert.Null(search.Push("x</ans", certain));
        Assert.Equal("do(a<b)\nx", certain.ToString());
        Assert.Equal("</answer>", search.Push("wer>rest", certain));
        Assert.Equal("do(a<b)\nx", certain.ToString());
    }

    [Fact]
    public void A_text_that_nearly_matches_for_ever_takes_linear_time()
    {
        string nearly = new string('a', 4000) + "b";
        StopStrings search = new([nearly]);
        StringBuilder certain = new();
        for (int i = 0; i < 300; i++)
        {
            Assert.Null(search.Push(new string('a', 4000), certain)); // 1.2 million characters against 4,001
        }

        Assert.Equal(nearly, search.Push("b", certain));
        Assert.Equal((300 * 4000) - 4000, certain.Length);
    }

    static string Text(Random random, int length) => new([.. Enumerable.Range(0, length).Select(_ => "aab"[random.Next(3)])]);

    /// <summary>What was given out ends before any beginning of a stop string with which the text ends.</summary>
    static bool Ends(string text, string[] stops, int given)
    {
        int held = Enumerable.Range(0, text.Length + 1).First(start => stops.Any(stop => stop.StartsWith(text[start..], StringComparison.Ordinal)));
        return given == held;
    }

    static (string Text, string? Stop) Naive(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            string? found = stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).MaxBy(stop => stop.Length);
            if (found is not null)
            {
                return (text[..(end - found.Length)], found);
            }
        }

        return (text, null);
    }
}
