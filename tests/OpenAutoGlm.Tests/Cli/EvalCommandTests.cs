using System.Text.Json;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Cli;

public sealed class EvalCommandTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("eval-");
    readonly string _model;
    readonly string _coarse;
    readonly string _task;

    public EvalCommandTests()
    {
        (_model, _coarse, _task) = (In("model.gguf"), In("coarse.gguf"), In("task.jsonl"));
        ModelSynthesizer.Write(ModelShape.Find("glm4-tiny"), "F32", _model);
        ModelSynthesizer.Write(ModelShape.Find("glm4-tiny"), "Q4_0", _coarse);
        File.WriteAllText(_task, """
            {"kind": "choice", "prompt": "One, two,", "choices": [" three", " four"], "answer": 0, "group": "words"}
            {"kind": "loss", "prompt": "Hello", "continuation": " world"}
            {"kind": "generate", "prompt": "Hello", "answer": "x", "max_tokens": 4}
            """);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_model_alone_has_a_perplexity_and_beside_another_a_divergence()
    {
        CommandRun alone = await Eval(_model, "--json");
        JsonElement text = alone.Json.GetProperty("text");
        Assert.Equal(2, text.GetProperty("windows").GetInt32());
        Assert.True(text.GetProperty("original").GetProperty("perplexity").GetDouble() > 1);
        Assert.Equal(JsonValueKind.Null, text.GetProperty("candidate").ValueKind);

        CommandRun both = await Eval(_model, "--against", _coarse, "--json");
        JsonElement candidate = both.Json.GetProperty("text").GetProperty("candidate");
        Assert.Equal(text.GetProperty("original").GetRawText(), both.Json.GetProperty("text").GetProperty("original").GetRawText());
        Assert.True(candidate.GetProperty("meanKl").GetDouble() > 0);
        Assert.InRange(candidate.GetProperty("top1Agreement").GetDouble(), 0, 1);

        CommandRun same = await Eval(_model, "--against", _model, "--json");
        Assert.Equal(0, same.Json.GetProperty("text").GetProperty("candidate").GetProperty("klMax").GetDouble());
        string page = (await Eval(_model, "--against", _coarse)).Done();
        Assert.Contains("perplexity", page);
        Assert.Contains("same likeliest token", page);
    }

    [Fact]
    public async Task Tasks_are_answered_by_both_and_a_second_start_reads_what_is_there()
    {
        string journal = In("answers.jsonl");
        string[] arguments = [_model, "--against", _coarse, "--task", _task, "--resume", journal, "--json"];
        CommandRun first = await Eval(arguments);
        JsonElement results = first.Json.GetProperty("tasks")[0].GetProperty("results");
        Assert.Equal(["", "words"], results.EnumerateArray().Select(group => group.GetProperty("group").GetString()));
        Assert.Equal(3, results[0].GetProperty("questions").GetInt32());
        Assert.InRange(results[0].GetProperty("chance").GetDouble(), 0, 1);
        Assert.False(first.Json.TryGetProperty("text", out _));
        Assert.Equal(6, File.ReadAllLines(journal).Length);

        Assert.Equal(first.Output, (await Eval(arguments)).Output);
        Assert.Equal(6, File.ReadAllLines(journal).Length);
        Assert.Equal(1, (await Eval([.. arguments, "--limit", "1"])).Json.GetProperty("tasks")[0].GetProperty("results")[0].GetProperty("questions").GetInt32());
        Assert.Contains("by chance", (await Eval(arguments[..^1])).Done());
    }

    [Fact]
    public async Task What_cannot_be_measured_is_told_in_a_line()
    {
        string text = In("short.txt");
        File.WriteAllText(text, "Too short.");
        await Fails("one window needs", _model, "--text", text);
        await Fails("was made for", _model, "--window-tokens", "100000");
        await Fails("there are none", _model, "--resume", In("none.jsonl"));
        await Fails("line 1: kind is missing", _model, "--task", WriteTask("{\"a\": 1}"));
        await Fails("--windows takes", _model, "--windows", "0");
    }

    [Fact]
    public async Task An_interrupt_ends_it_with_the_code_of_interrupts()
    {
        using Interrupts interrupts = new();
        interrupts.Interrupt();
        CommandRun run = await CommandRun.OfInterrupted(interrupts, "", "eval", _model, "--threads", "1", "--plan-file", "off");
        Assert.Equal((ExitCode.Interrupted, ""), (run.Code, run.Output));
    }

    static async Task<CommandRun> Eval(params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["eval", .. arguments, "--threads", "1", "--plan-file", "off", "--max-model-len", "128", .. arguments.Contains("--window-tokens") ? Array.Empty<string>() : ["--windows", "2", "--window-tokens", "64"]]);
        run.Done();
        return run;
    }

    static async Task Fails(string wanted, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["eval", .. arguments, "--threads", "1", "--plan-file", "off"]);
        Assert.NotEqual(ExitCode.Done, run.Code);
        Assert.StartsWith("error: ", run.Error);
        Assert.Contains(wanted, run.Error);
        Assert.Equal("", run.Output);
    }

    string WriteTask(string line)
    {
        string path = In("bad.jsonl");
        File.WriteAllText(path, line);
        return path;
    }

    string In(string name) => Path.Combine(_folder.FullName, name);
}
