using System.Text;
using OpenAutoGlm.Models.Tokenizers.Normalization;

namespace OpenAutoGlm.Models.Tokenizers;

public class ComposingNormalizerTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u00E9", "\u00E9")]
    [InlineData("\u212B", "\u00C5")] // the Ångström sign is the letter
    [InlineData("\u0958", "\u0915\u093C")] // excluded from composition
    [InlineData("\u1112\u1161\u11AB", "\uD55C")] // Hangul: lead, vowel and tail
    [InlineData("\uD558\u11AB", "\uD55C")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")] // marks in the order of their classes
    [InlineData("a\u0315\u0300\u05AE", "\u00E0\u05AE\u0315")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323")]
    [InlineData("\u09C7\u09BE", "\u09CB")] // the second part is a starter
    [InlineData("a\u0327\u0301", "\u00E1\u0327")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    public void Text_is_composed_as_the_annex_says(string text, string expected)
    {
        ByteBuffer output = new();
        new ComposingNormalizer().Normalize(Encoding.UTF8.GetBytes(text), isFirst: true, output);
        Assert.Equal(expected, Encoding.UTF8.GetString(output.Written));
    }
}
