using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace OpenAutoGlm.Cli.Chat;

public class WordWrapTests
{
    [Theory]
    [InlineData("one two three four", "one two\nthree\nfour")]
    [InlineData("a-very-long-word", "a-very-l\nong-word")]
    [InlineData("ab 你好世界", "ab 你好\n世界")]
    [InlineData("12345678 x", "12345678\nx")]
    [InlineData("one\n\ntwo", "one\n\ntwo")]
    public void Lines_break_between_words_however_the_text_is_cut(string text, string shown)
    {
        for (int step = 1; step <= text.Length; step++)
        {
            WordWrap wrap = new(() => 8);
            Assert.Equal(shown, Shown(string.Concat(text.Chunk(step).Select(chunk => wrap.Wrap(new string(chunk))))));
        }
    }

    [Fact]
    public void No_line_is_wider_than_the_window_and_no_letter_is_lost() => Prop.ForAll(
        Gen.Elements("a", "bc", "d e", " ", "\n", "longer-word").ArrayOf().ToArbitrary(),
        parts =>
        {
            WordWrap wrap = new(() => 10);
            string shown = Shown(string.Concat(parts.Select(wrap.Wrap)));
            Assert.All(shown.Split('\n'), line => Assert.True(line.Length <= 10, shown));
            Assert.Equal(Letters(string.Concat(parts)), Letters(shown));
        }).QuickCheckThrowOnFailure();

    static string Letters(string text) => string.Concat(text.Where(character => !char.IsWhiteSpace(character)));

    /// <summary>What a terminal shows: columns taken back are gone. Only narrow characters are ever taken back.</summary>
    static string Shown(string output)
    {
        StringBuilder shown = new();
        for (int i = 0; i < output.Length; i++)
        {
            if (output[i] != '\e')
            {
                shown.Append(output[i]);
                continue;
            }

            int end = output.IndexOfAny(['D', 'K'], i);
            shown.Length -= output[end] == 'D' ? int.Parse(output[(i + 2)..end]) : 0;
            i = end;
        }

        return string.Join('\n', shown.ToString().Split('\n').Select(line => line.TrimEnd(' ')));
    }
}
