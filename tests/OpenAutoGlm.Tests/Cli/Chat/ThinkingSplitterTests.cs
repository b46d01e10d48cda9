namespace OpenAutoGlm.Cli.Chat;

public class ThinkingSplitterTests
{
    [Theory]
    [InlineData("plain", "plain", "")]
    [InlineData("<think>why</think>because", "because", "why")]
    [InlineData("a<think>b</think>c<think>d</think>e", "ace", "bd")]
    [InlineData("a < b <thin> <think", "a < b <thin> <think", "")]
    [InlineData("<think>never closed </thin", "", "never closed </thin")]
    public void Every_way_to_cut_a_stream_gives_the_same_pieces(string text, string answer, string thinking)
    {
        for (int step = 1; step <= text.Length; step++)
        {
            ThinkingSplitter splitter = new();
            List<AnswerPiece> pieces = [.. text.Chunk(step).SelectMany(chunk => splitter.Push(new string(chunk)).ToArray()), .. splitter.Flush()];
            Assert.Equal(answer, string.Concat(pieces.Where(piece => !piece.Thinking).Select(piece => piece.Text)));
            Assert.Equal(thinking, string.Concat(pieces.Where(piece => piece.Thinking).Select(piece => piece.Text)));
        }
    }

    [Fact]
    public void Only_what_could_become_a_tag_is_held_back() =>
        Assert.Equal("x ", Assert.Single(new ThinkingSplitter().Push("x <th")).Text);
}
