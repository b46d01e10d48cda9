namespace OpenAutoGlm.Graph.Formats;

public class BlockFormatTests
{
    [Fact]
    public void Every_tensor_format_has_one_definition_and_is_found_by_its_name_in_any_case()
    {
        Assert.Equal(Enum.GetValues<TensorFormat>().Order(), BlockFormat.All.Select(format => format.Format).Order());
        foreach (BlockFormat format in BlockFormat.All)
        {
            Assert.Same(format, BlockFormat.Of(format.Format));
            Assert.True(BlockFormat.TryParse(format.Format.ToString(), out BlockFormat? upper) && upper == format);
            Assert.True(BlockFormat.TryParse(format.Format.ToString().ToLowerInvariant(), out BlockFormat? lower) && lower == format);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Q4")]
    [InlineData("Q4_K ")]
    [InlineData("4")]
    public void Other_names_are_no_formats(string? name) => Assert.False(BlockFormat.TryParse(name, out _));

    [Fact]
    public void The_undefined_format_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockFormat.Of((TensorFormat)99));
}
