using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Patterns;

namespace OpenAutoGlm.Engine.Constraints;

public class PatternTests
{
    static readonly string[] Atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "[b-d]", "\\d", "\\w", "\\s", "(?:ab|c)", "(a|)", "é", "\\.", "\\u0062", "^", "$", "(b$|a)", "(^a|c)"];

    [Fact]
    public void Random_patterns_find_what_the_frameworks_own_engine_finds()
    {
        Random random = new(1);
        int compiled = 0;
        for (int round = 0; round < 400; round++)
        {
            string pattern = Pattern(random, 3);
            Regex expected = new(pattern, RegexOptions.ECMAScript | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
            Dfa search;
            try
            {
                search = PatternCompiler.Search(pattern);
            }
            catch (ConstraintException refused) when (refused.Message.Contains("more than", StringComparison.Ordinal))
            {
                continue; // Repeats within repeats of overlapping parts make it too large.
            }

            compiled++;
            for (int i = 0; i < 60; i++)
            {
                string text = string.Concat(Enumerable.Range(0, random.Next(7)).Select(_ => "abcd1_ é.日"[random.Next(10)]));
                Assert.True(expected.IsMatch(text) == search.Matches(Encoding.UTF8.GetBytes(text)), $"{pattern} on '{text}'");
            }
        }

        Assert.InRange(compiled, 390, 400);
    }

    [Theory]
    [InlineData("a|bc", "bc", true)]
    [InlineData("a|bc", "xbc", false)]
    [InlineData("(ab){2,3}", "ababab", true)]
    [InlineData("(ab){2,3}", "abababab", false)]
    [InlineData("[^\\d]+", "añ日😀", true)]
    [InlineData("\\p{L}+", "Äß", true)]
    [InlineData("\\p{Lu}", "ß", false)]
    [InlineData("[\\w-]+", "a-b", true)]
    [InlineData("a{,2}", "a{,2}", true)]
    [InlineData("😀{2}", "😀😀", true)]
    [InlineData("[😀-😂]", "😁", true)]
    [InlineData("(?<year>\\d{4})", "2026", true)]
    public void A_pattern_matches_whole_texts(string pattern, string text, bool matches) =>
        Assert.Equal(matches, PatternCompiler.Whole(pattern).Matches(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("(a", 0)]
    [InlineData("a)", 1)]
    [InlineData("x[ab", 1)]
    [InlineData("[b-a]", 1)]
    [InlineData("*a", 0)]
    [InlineData("ab(?=c)", 2)]
    [InlineData("(?<!a)b", 0)]
    [InlineData("(a)\\1", 3)]
    [InlineData("\\bword", 0)]
    [InlineData("a{3,2}", 1)]
    [InlineData("a{20000}", 1)]
    [InlineData("\\p{Script=Greek}", 0)]
    [InlineData("\\", 0)]
    [InlineData("\\ud800", 0)]
    public void What_cannot_be_honoured_is_refused_with_its_place(string pattern, int position)
    {
        ConstraintException refused = Assert.Throws<ConstraintException>(() => PatternCompiler.Whole(pattern));
        Assert.Equal(position, refused.Position);
        Assert.EndsWith(".", refused.Message);
    }

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(a|aa)+$")]
    [InlineData("(.*a){12}")]
    [InlineData("((((a?){30}){30}){30}){30}")]
    [InlineData("((((){100}){100}){100}){100}")]
    [InlineData("(a|b)*a(a|b){40}")]
    public void Catastrophic_patterns_take_bounded_time(string pattern)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            Dfa automaton = PatternCompiler.Search(pattern);
            automaton.Matches(Encoding.UTF8.GetBytes(new string('a', 5000) + "!"));
        }
        catch (ConstraintException refused)
        {
            Assert.Contains("Lower its repeat counts", refused.Message);
        }

        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 60);
    }

    static string Pattern(Random random, int depth)
    {
        string text = string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ =>
        {
            string atom = depth > 0 && random.Next(4) == 0 ? $"({Pattern(random, depth - 1)})" : Atoms[random.Next(Atoms.Length)];
            string repeat = atom is "^" or "$" ? "" : ((string[])["", "", "", "*", "+", "?", "{2}", "{1,2}", "{2,}"])[random.Next(9)];
            return atom + repeat;
        }));
        return random.Next(4) == 0 ? $"{text}|{Atoms[random.Next(Atoms.Length)]}" : text;
    }
}
