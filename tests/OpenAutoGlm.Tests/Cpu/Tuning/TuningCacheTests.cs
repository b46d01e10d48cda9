using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cpu.Tuning;

public sealed class TuningCacheTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string Path => _folder.File("deep", "tuning.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_saved_is_found_again()
    {
        TuningCache cache = TuningCache.Open(Path);
        cache.Set("chunk of \"w\" [2048, 8192]", 8);
        Assert.True(cache.TrySave());
        Assert.True(TuningCache.Open(Path).TryGet("chunk of \"w\" [2048, 8192]", out int value));
        Assert.Equal(8, value);
        Assert.False(TuningCache.Open(Path).TryGet("another", out _));
    }

    [Fact]
    public void What_others_have_saved_meanwhile_is_kept_and_ones_own_goes_before_it()
    {
        TuningCache ours = TuningCache.Open(Path);
        TuningCache theirs = TuningCache.Open(Path);
        theirs.Set("a", 1);
        theirs.Set("b", 1);
        theirs.TrySave();
        ours.Set("b", 2);
        ours.Set("c", 2);
        ours.TrySave();
        Assert.Equal([new("a", 1), new("b", 2), new("c", 2)], TuningCache.Open(Path).Entries);
        Assert.Single(Directory.GetFiles(System.IO.Path.GetDirectoryName(Path)!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"version\": 2, \"values\": {\"a\": 1}}")]
    [InlineData("{\"version\": \"1\", \"values\": {\"a\": 1}}")]
    [InlineData("{\"version\": 1, \"values\": [1]}")]
    [InlineData("{\"version\": 1, \"values\": {\"a\": \"1\", \"a\": 1.5, \"a\": 99999999999, \"a\": null}}")]
    [InlineData("{\"version\": 1, \"values\": {\"\\ud800\": \"x\"}}")]
    public void A_file_that_makes_no_sense_is_an_empty_cache(string text)
    {
        string path = _folder.Write("tuning.json", text);
        Assert.Empty(TuningCache.Open(path).Entries);
    }

    [Fact]
    public void Where_nothing_can_be_written_saving_says_so()
    {
        TuningCache cache = TuningCache.Open(System.IO.Path.Combine(_folder.Write("file", ""), "tuning.json"));
        cache.Set("a", 1);
        Assert.False(cache.TrySave());
        Assert.False(TuningCache.InMemory().TrySave());
    }

    [Fact]
    public async Task Savers_at_once_leave_a_good_file()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() =>
        {
            TuningCache cache = TuningCache.Open(Path);
            cache.Set($"k{i}", i);
            Assert.True(cache.TrySave());
        })));
        Assert.NotEmpty(TuningCache.Open(Path).Entries);
    }
}
