using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli;

public class UnitsTests
{
    [Theory]
    [InlineData("512", 512)]
    [InlineData("512M", 512L << 20)]
    [InlineData("4g", 4L << 30)]
    [InlineData("6.5GiB", 6_979_321_856)]
    [InlineData("1 TB", 1L << 40)]
    public void Sizes_are_read_as_people_write_them(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out long value));
        Assert.Equal(bytes, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1G")]
    [InlineData("G")]
    [InlineData("4X")]
    [InlineData("NaN")]
    [InlineData("9999999999T")]
    [InlineData("1,5G")]
    public void What_is_no_size_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Fact]
    public void Numbers_keep_the_digits_that_matter()
    {
        Assert.Equal("1.50 KiB", Units.Bytes(1536));
        Assert.Equal("999 bytes", Units.Bytes(999));
        Assert.Equal("9.40 G", Units.Count(9.4e9));
        Assert.Equal("46.7 GB/s", Units.Bandwidth(46.7e9));
        Assert.Equal("1.50 min", Units.Duration(TimeSpan.FromSeconds(90)));
        Assert.Equal("123 ms", Units.Duration(TimeSpan.FromMilliseconds(123)));
    }
}
