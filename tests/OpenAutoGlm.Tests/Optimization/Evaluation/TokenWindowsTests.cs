namespace OpenAutoGlm.Optimization.Evaluation;

public sealed class TokenWindowsTests
{
    static readonly int[] Ten = [.. Enumerable.Range(0, 10)];

    [Fact]
    public void Windows_are_disjoint_and_in_order_and_the_rest_is_left()
    {
        TokenWindows windows = TokenWindows.Of(Ten, 3);
        Assert.Equal([[0, 1, 2], [3, 4, 5], [6, 7, 8]], windows.Windows.Select(window => window.ToArray()));
        Assert.Equal((9, 3, 6), (windows.TokenCount, windows.WindowTokens, windows.Scored));
        Assert.Equal(2, TokenWindows.Of(Ten, 3, most: 2).Windows.Length);
    }

    [Fact]
    public void Split_keeps_every_window_on_one_side()
    {
        TokenWindows windows = TokenWindows.Of(Ten, 2);
        (TokenWindows first, TokenWindows others) = windows.Split(2);
        Assert.Equal(windows.Windows.Select(window => window.ToArray()), first.Windows.Concat(others.Windows).Select(window => window.ToArray()));
        Assert.Equal(2, first.Windows.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => windows.Split(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => windows.Split(0));
    }

    [Fact]
    public void Too_little_text_is_told_with_its_numbers()
    {
        string message = Assert.Throws<EvaluationException>(() => TokenWindows.Of(Ten, 11)).Message;
        Assert.Contains("10 tokens", message);
        Assert.Contains("needs 11", message);
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenWindows.Of(Ten, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenWindows.Of(Ten, 2, most: 0));
    }

    [Fact]
    public void Identity_tells_content_and_cut()
    {
        Assert.Equal(TokenWindows.Of(Ten, 3).Identity, TokenWindows.Of(Ten, 3).Identity);
        Assert.NotEqual(TokenWindows.Of(Ten, 3).Identity, TokenWindows.Of(Ten, 2).Identity);
        Assert.NotEqual(TokenWindows.Of(Ten, 3).Identity, TokenWindows.Of([.. Ten.Reverse()], 3).Identity);
    }
}
