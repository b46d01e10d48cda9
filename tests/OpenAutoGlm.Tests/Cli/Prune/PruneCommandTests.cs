using System.Text.Json;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Prune;

public sealed class PruneCommandTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Advice_names_what_each_way_saves_costs_and_is_worth()
    {
        string model = await Synthesize();
        string page = (await CommandRun.Of("prune", model, "--advise", "--windows", "2", "--window-tokens", "16", "--threads", "1")).Done();
        Assert.Contains("1 of 2 layers", page, StringComparison.Ordinal);
        Assert.Contains("before any recovery training", page, StringComparison.Ordinal);

        CommandRun json = await CommandRun.Of("prune", model, "--predict", "--windows", "2", "--window-tokens", "16", "--threads", "1", "--json");
        JsonElement[] options = [.. json.Json.GetProperty("options").EnumerateArray()];
        Assert.NotEmpty(options);
        Assert.All(options, option => Assert.False(option.GetProperty("measured").GetBoolean()));
    }

    [Fact]
    public async Task What_was_taken_out_is_gone_from_the_file()
    {
        string model = await Synthesize();
        string file = _folder.File("smaller.gguf"), folder = _folder.File("smaller");
        CommandRun run = await CommandRun.Of("prune", model, "--layers", "1", "--ffn", "50%", "--groups", "1", "-o", file, "--windows", "2", "--window-tokens", "16", "--threads", "1", "--json");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.True(run.Json.GetProperty("weightBytesAfter").GetInt64() < run.Json.GetProperty("weightBytesBefore").GetInt64());
        Assert.Equal(2, run.Json.GetProperty("removed").EnumerateArray().Count(unit => !unit.GetString()!.Contains("channel", StringComparison.Ordinal)));
        using (ModelPackage pruned = ModelPackage.Open(file))
        {
            Assert.Equal((1, 256, 1, 2), (pruned.Config.Layers, pruned.Config.Inner, pruned.Config.KvHeads, pruned.Config.Heads));
        }

        Assert.Contains("zeros", (await CommandRun.Of("prune", model, "--sparsity", "2:4", "--method", "magnitude", "-o", folder, "--windows", "2", "--window-tokens", "16", "--threads", "1")).Done(), StringComparison.Ordinal);
        using ModelPackage sparse = ModelPackage.Open(folder);
        Assert.All(sparse.Weights.Get("blk.0.attn_q.weight").ToFloats().Chunk(4), group => Assert.Equal(2, group.Count(value => value == 0)));
    }

    [Theory]
    [InlineData("--output is missing", "--layers", "1")]
    [InlineData("--ffn is '2'", "--ffn", "2", "-o", "x.gguf")]
    [InlineData("is no sparsity", "--sparsity", "4:2", "-o", "x.gguf")]
    [InlineData("known are", "--method", "guess", "-o", "x.gguf")]
    [InlineData("one must be left", "--layers", "2", "-o", "x.gguf")]
    public async Task What_cannot_be_done_is_refused_with_what_could(string expected, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["prune", await Synthesize(), .. arguments, "--windows", "2", "--window-tokens", "16", "--threads", "1"]);
        Assert.NotEqual(ExitCode.Done, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists("x.gguf"));
    }

    async Task<string> Synthesize()
    {
        string path = _folder.File("tiny.gguf");
        (await CommandRun.Of("synth", "--shape", "glm4-tiny", "--format", "F32", "--output", path)).Done();
        return path;
    }
}
