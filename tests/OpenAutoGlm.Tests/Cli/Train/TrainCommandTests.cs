using System.Diagnostics;
using System.Text.Json;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Train;

public sealed class TrainCommandTests
{
    const string Shape = """
        {"model_type":"llama","hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,
         "head_dim":16,"vocab_size":280,"max_position_embeddings":64,"rms_norm_eps":1e-5,"rope_theta":10000.0,"tie_word_embeddings":false}
        """;

    static readonly string Text = string.Concat(Enumerable.Range(0, 400).Select(i => $"The {i % 7} small ships sail to the {i % 5} islands.\n"));

    [Fact]
    public async Task A_new_model_is_trained_from_a_text_and_written_with_curves_and_log()
    {
        using TemporaryFolder folder = new();
        CommandRun run = await Train(folder, "new.gguf", "--steps", "20", "--validate-every", "10", "--validation", Data(folder), "--json");
        JsonElement report = JsonDocument.Parse(run.Done()).RootElement;
        Assert.Equal(20, report.GetProperty("steps").GetInt32());
        Assert.True(report.GetProperty("validationLoss").GetDouble() < 4.5, $"{report}");
        using ModelPackage model = ModelPackage.Open(folder.File("new.gguf"));
        Assert.Equal(280, model.Tokenizer!.VocabularySize);
        string[] log = File.ReadAllLines(folder.File("new.gguf.training", "log.jsonl"));
        Assert.Equal(20, log.Length);
        Assert.Equal(2, log.Count(line => line.Contains("validationLoss")));
        string page = File.ReadAllText(folder.File("new.gguf.training", "curves.html"));
        Assert.Contains("<polyline", page);
        Assert.DoesNotContain("src=", page);
        Assert.DoesNotContain("NaN", page);
    }

    [Fact]
    public async Task A_recipe_that_a_run_has_written_gives_the_same_model_again()
    {
        using TemporaryFolder folder = new();
        (await Train(folder, "a.gguf", "--steps", "6")).Done();
        (await CommandRun.Of("train", "--recipe", folder.File("a.gguf.training", "recipe.json"), "-o", folder.File("b.gguf"), "--no-peak", "--threads", "2")).Done();
        Assert.Equal(File.ReadAllBytes(folder.File("a.gguf")), File.ReadAllBytes(folder.File("b.gguf")));
    }

    [Fact]
    public async Task A_run_that_is_killed_goes_on_from_its_last_checkpoint_to_the_same_model()
    {
        using TemporaryFolder folder = new();
        string[] run = ["--steps", "300", "--checkpoint-every", "10", "--ema", "0.9"];
        (await Train(folder, "whole.gguf", run)).Done();

        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "autoglm.dll"), .. Arguments(folder, "killed.gguf", run)])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string checkpoints = folder.File("killed.gguf.training", "checkpoints");
        Stopwatch waited = Stopwatch.StartNew();
        while (!process.HasExited && !(Directory.Exists(checkpoints) && Directory.EnumerateFiles(checkpoints, "*.checkpoint").Any()))
        {
            Assert.True(waited.Elapsed < TimeSpan.FromMinutes(5), "no checkpoint within five minutes");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(File.Exists(folder.File("killed.gguf")), "the run had ended before it was killed");

        CommandRun refused = await Train(folder, "killed.gguf", run);
        Assert.Contains("--resume", refused.Error);
        CommandRun resumed = await Train(folder, "killed.gguf", [.. run, "--resume"]);
        resumed.Done();
        Assert.Contains("going on from step", resumed.Error);
        Assert.Equal(File.ReadAllBytes(folder.File("whole.gguf")), File.ReadAllBytes(folder.File("killed.gguf")));
        Assert.Equal(300, File.ReadAllLines(folder.File("killed.gguf.training", "log.jsonl")).Length);
    }

    [Fact]
    public async Task Adapters_are_trained_merged_and_written_beside()
    {
        using TemporaryFolder folder = new();
        (await Train(folder, "base.gguf", "--steps", "4")).Done();
        CommandRun run = await CommandRun.Of(
            "train", "--model", folder.File("base.gguf"), "--data", Data(folder), "--lora", "4", "--steps", "10", "--lr", "0.02", "--batch-tokens", "128", "--precision", "f32", "--format", "F32", "--no-peak", "--threads", "1",
            "--validation", Data(folder), "--adapter", folder.File("adapter.safetensors"), "-o", folder.File("tuned.gguf"), "--json");
        double tuned = JsonDocument.Parse(run.Done()).RootElement.GetProperty("validationLoss").GetDouble();
        Assert.True(new FileInfo(folder.File("adapter.safetensors")).Length > 1000);

        // The merged file, measured by a run that learns nothing to speak of, has the loss that the adapters had.
        CommandRun measured = await CommandRun.Of(
            "train", "--model", folder.File("tuned.gguf"), "--data", Data(folder), "--validation", Data(folder), "--steps", "1", "--lr", "1e-9", "--weight-decay", "0", "--batch-tokens", "128", "--precision", "f32", "--no-peak", "--threads", "1", "-o", folder.File("same.gguf"), "--json");
        Assert.Equal(tuned, JsonDocument.Parse(measured.Done()).RootElement.GetProperty("validationLoss").GetDouble(), 2e-4);
    }

    [Theory]
    [InlineData("--model or --shape", "--model", "x.gguf")]
    [InlineData("schedule", "--schedule", "sinus")]
    [InlineData("bf16", "--precision", "fp8")]
    public async Task What_cannot_be_trained_is_refused_with_the_remedy(string named, params string[] more)
    {
        using TemporaryFolder folder = new();
        CommandRun run = named.StartsWith("--model", StringComparison.Ordinal)
            ? await CommandRun.Of("train", "--data", Data(folder), "-o", folder.File("x.gguf"))
            : await Train(folder, "x.gguf", more);
        Assert.NotEqual(ExitCode.Done, run.Code);
        Assert.Contains(named.Split(' ')[0], run.Error);
    }

    static Task<CommandRun> Train(TemporaryFolder folder, string output, params string[] more) => CommandRun.Of(Arguments(folder, output, more));

    static string[] Arguments(TemporaryFolder folder, string output, string[] more) =>
    [
        "train", "--shape", folder.Write("config.json", Shape), "--vocabulary", "280", "--data", Data(folder), "--batch-tokens", "128", "--lr", "0.01", "--threads", "1", "--no-peak",
        "--seed", "5", "-o", folder.File(output), .. more,
    ];

    static string Data(TemporaryFolder folder) => File.Exists(folder.File("text.txt")) ? folder.File("text.txt") : folder.Write("text.txt", Text);
}
