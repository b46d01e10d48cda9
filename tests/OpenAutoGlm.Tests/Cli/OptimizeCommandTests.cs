using System.Text.Json;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli;

public sealed class OptimizeCommandTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_model_becomes_a_folder_with_report_and_recipe_and_the_recipe_the_same_model()
    {
        string[] common = ["optimize", "synth:qwen3-tiny:F32", "--cache", _folder.File("cache"), "--threads", "1", "--window-tokens", "24", "--windows", "3", "--held-out", "3"];
        CommandRun run = await CommandRun.Of([.. common, "--max-kl", "0.1", "--formats", "F32,Q8_0,Q4_0", "--json", "-o", _folder.File("small")]);
        JsonElement result = JsonDocument.Parse(run.Done()).RootElement;
        Assert.True(result.GetProperty("kept").GetBoolean());
        Assert.True(result.GetProperty("meanKl").GetDouble() <= 0.1);
        Assert.True(result.GetProperty("weightBytes").GetInt64() < result.GetProperty("weightBytesBefore").GetInt64());
        Assert.Equal(["model.gguf", "recipe.json", "report.html", "report.json"], Directory.GetFiles(_folder.File("small")).Select(Path.GetFileName).Order());
        Assert.Contains("searching and checking", run.Error, StringComparison.Ordinal);

        (await CommandRun.Of([.. common, "--recipe", _folder.File("small", "recipe.json"), "-o", _folder.File("again")])).Done();
        Assert.Equal(File.ReadAllBytes(_folder.File("small", "model.gguf")), File.ReadAllBytes(_folder.File("again", "model.gguf")));
    }

    [Fact]
    public async Task A_budget_below_everything_fails_names_the_nearest_and_writes_nothing()
    {
        CommandRun run = await CommandRun.Of("optimize", "synth:llama-tiny:Q8_0", "--cache", _folder.File("cache"), "--threads", "1", "--window-tokens", "24", "--windows", "2", "--held-out", "2", "--formats", "Q8_0,Q4_0", "--max-bytes", "10K", "-o", _folder.File("none"));
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Contains("The budgets cannot be kept", run.Error, StringComparison.Ordinal);
        Assert.Contains("the nearest is", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("none")));
    }

    [Theory]
    [InlineData("Nothing is asked for", "synth:llama-tiny")]
    [InlineData("--max-loss takes a share", "synth:llama-tiny", "--max-loss", "many")]
    [InlineData("contradict", "synth:llama-tiny", "--max-kl", "1", "--resume", "--no-cache")]
    public async Task A_wish_that_says_nothing_is_a_usage_error(string expected, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["optimize", .. arguments, "--cache", _folder.File("cache")]);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recipe_that_names_what_is_not_there_is_refused_by_name()
    {
        string recipe = _folder.Write("recipe.json", """{ "recipe": 1, "wish": { "maxKl": 0.1 }, "groups": { "blk.0.attn_w": "Q8_0" } }""");
        CommandRun run = await CommandRun.Of("optimize", "synth:llama-tiny", "--cache", _folder.File("cache"), "--recipe", recipe, "-o", _folder.File("none"));
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Contains("Did you mean 'blk.0.attn_", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupt_ends_with_its_exit_code_and_no_folder()
    {
        using Interrupts interrupts = new();
        interrupts.Interrupt();
        CommandRun run = await CommandRun.OfInterrupted(interrupts, "", "optimize", "synth:llama-tiny", "--cache", _folder.File("cache"), "--max-kl", "0.1", "-o", _folder.File("none"));
        Assert.Equal(ExitCode.Interrupted, run.Code);
        Assert.False(Directory.Exists(_folder.File("none")));
    }
}
