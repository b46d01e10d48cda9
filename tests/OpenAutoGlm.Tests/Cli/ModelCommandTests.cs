using System.Runtime.InteropServices;
using System.Text.Json;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli;

/// <summary>A model that synth writes once, through every command that opens one.</summary>
public sealed class ModelCommandTests(ModelCommandTests.TinyModel tiny) : IClassFixture<ModelCommandTests.TinyModel>
{
    [Fact]
    public async Task Inspect_describes_it_and_lists_its_tensors()
    {
        string page = (await CommandRun.Of("inspect", tiny.Path, "--tensors")).Done();
        Assert.Contains("glm4", page);
        Assert.Contains("token_embd.weight", page);
        CommandRun json = await CommandRun.Of("inspect", tiny.Path, "--json", "--tensors", "--plan", "--threads", "1");
        Assert.Equal(ExitCode.Done, json.Code);
        Assert.Contains(json.Json.GetProperty("tensors").EnumerateArray(), tensor => tensor.GetProperty("name").GetString() == "token_embd.weight");
        Assert.Contains("steps", json.Json.GetProperty("plan").GetString());
    }

    [Fact]
    public async Task Generate_is_repeatable_and_the_same_on_the_reference_with_exact_arithmetic()
    {
        string[] arguments = ["generate", "--model", tiny.Path, "--prompt-ids", "1,2,3", "--max-tokens", "6", "--temperature", "0", "--ignore-eos", "--output", "json", "--threads", "1", "--max-model-len", "64"];
        CommandRun first = await CommandRun.Of(arguments);
        Assert.True(first.Code == ExitCode.Done, first.Error);
        Assert.Equal(6, first.Json.GetProperty("ids").GetArrayLength());
        Assert.Equal("length", first.Json.GetProperty("finishReason").GetString());
        Assert.Equal(JsonValueKind.String, first.Json.GetProperty("text").ValueKind);
        Assert.Equal(first.Output, (await CommandRun.Of(arguments)).Output);
        string reference = (await CommandRun.Of([.. arguments, "--backend", "reference"])).Done();
        Assert.Equal(reference, (await CommandRun.Of([.. arguments, "--exact"])).Done());
    }

    [Fact]
    public async Task Passes_left_out_change_the_plan_and_no_answer()
    {
        string[] arguments = ["generate", "--model", tiny.Path, "--prompt-ids", "1,2,3", "--max-tokens", "6", "--temperature", "0", "--ignore-eos", "--output", "json", "--threads", "1", "--max-model-len", "64"];
        string fused = (await CommandRun.Of(arguments)).Done();
        Assert.Equal(fused, (await CommandRun.Of([.. arguments, "--disable-passes", "all"])).Done());
        Assert.Equal(fused, (await CommandRun.Of([.. arguments, "--disable-passes", "merge-qkv,norm-prologue"])).Done());
        Assert.Contains("FusedMatMul", (await CommandRun.Of("inspect", tiny.Path, "--plan", "--threads", "1")).Done());
        Assert.DoesNotContain("FusedMatMul", (await CommandRun.Of("inspect", tiny.Path, "--plan", "--threads", "1", "--disable-passes", "all")).Done());
        CommandRun wrong = await CommandRun.Of([.. arguments, "--disable-passes", "merge-qkv,nonsense"]);
        Assert.NotEqual(ExitCode.Done, wrong.Code);
        Assert.Contains("norm-prologue", wrong.Error);
    }

    [Fact]
    public async Task Logits_are_a_row_for_every_token()
    {
        string path = Path.Combine(tiny.Folder, "logits.bin");
        (await CommandRun.Of("logits", "--model", tiny.Path, "--prompt-ids", "5,6,7", "--output", path, "--threads", "1", "--max-model-len", "64")).Done();
        ReadOnlySpan<float> rows = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path));
        Assert.Equal(3 * tiny.Vocab, rows.Length);
        foreach (float logit in rows)
        {
            Assert.True(float.IsFinite(logit));
        }
    }

    [Fact]
    public async Task Tokens_of_a_text_become_the_text_again()
    {
        CommandRun split = await CommandRun.Of("tokenize", "--model", tiny.Path, "--text", "Hello 你好\n", "--output", "json");
        Assert.True(split.Code == ExitCode.Done, split.Error);
        string ids = string.Join(',', split.Json.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()));
        CommandRun joined = await CommandRun.Of("tokenize", "--model", tiny.Path, "--ids", ids, "--output", "json");
        Assert.Equal("Hello 你好\n", joined.Json.GetProperty("text").GetString());
        Assert.Equal(split.Output, (await CommandRun.OfInput("Hello 你好\n", "tokenize", "--model", tiny.Path, "--output", "json")).Output);
    }

    [Fact]
    public async Task Tokens_are_printed_one_a_line_with_controls_escaped()
    {
        string[] lines = (await CommandRun.Of("tokenize", "--model", tiny.Path, "--text", "a\nb")).Done().TrimEnd().Split('\n');
        Assert.Equal(["\"a\"", "\"\\n\"", "\"b\""], lines.Select(line => line.Trim().Split("  ")[^1]));
    }

    [Fact]
    public async Task Bench_prints_speeds_beside_the_machines_own()
    {
        CommandRun run = await CommandRun.Of("bench", "--model", tiny.Path, "--pp", "16", "--tg", "4,8", "--repetitions", "2", "--json", "--max-model-len", "64");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.All(["readBandwidthGBs", "int8Gops", "fp32Gflops", "threads"], name => Assert.True(run.Json.GetProperty("machine").GetProperty(name).GetDouble() > 0));
        JsonElement[] rows = [.. run.Json.GetProperty("rows").EnumerateArray()];
        Assert.Equal(["pp16", "tg4", "tg8"], rows.Select(row => row.GetProperty("test").GetString()));
        Assert.All(rows, row =>
        {
            JsonElement speed = row.GetProperty("tokensPerSecond");
            Assert.InRange(speed.GetProperty("median").GetDouble(), speed.GetProperty("min").GetDouble(), speed.GetProperty("max").GetDouble());
            Assert.Equal("Q8_0", row.GetProperty("format").GetString());
            Assert.True(row.GetProperty("floorTokensPerSecond").GetDouble() > 0);
        });
    }

    [Fact]
    public async Task An_estimate_counts_without_writing()
    {
        CommandRun run = await CommandRun.Of("synth", "--shape", "glm-4-9b-0414", "--format", "Q8_0", "--estimate", "--bandwidth", "50", "--json");
        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Equal(9.4e9, run.Json.GetProperty("parameters").GetDouble(), 0.05e9);
        double bytes = run.Json.GetProperty("bytesPerToken").GetDouble();
        Assert.Equal(50e9 / bytes, run.Json.GetProperty("decodeFloorTokensPerSecond").GetDouble(), 0.001);
    }

    [Fact]
    public async Task Run_streams_an_answer_and_a_seed_repeats_it()
    {
        string[] arguments = ["run", "--model", tiny.Path, "--max-tokens", "8", "--seed", "7", "--temperature", "1", "--stats", "--threads", "1", "--max-model-len", "256"];
        CommandRun run = await CommandRun.Of([.. arguments, "Hello"]);
        Assert.EndsWith("\n", run.Done());
        Assert.Contains("answer 8 tokens", run.Error);
        Assert.Equal(run.Output, (await CommandRun.OfInput("Hello\n", [.. arguments, "-"])).Output);
    }

    [Fact]
    public async Task Chat_takes_turns_from_a_pipe()
    {
        string talk = Path.Combine(tiny.Folder, "talk.json");
        CommandRun run = await CommandRun.OfInput(
            $"Hello\n/save {talk}\n/exit\n", "chat", tiny.Path, "--max-tokens", "4", "--seed", "1", "--threads", "1", "--max-model-len", "256");
        run.Done();
        JsonElement messages = JsonDocument.Parse(File.ReadAllText(talk)).RootElement.GetProperty("messages");
        Assert.Equal(["user", "assistant"], messages.EnumerateArray().Select(message => message.GetProperty("role").GetString()));
    }

    [Fact]
    public async Task An_interrupted_run_ends_with_130()
    {
        using Interrupts interrupts = new();
        interrupts.Interrupt();
        CommandRun run = await CommandRun.OfInterrupted(interrupts, "", "run", "--model", tiny.Path, "--threads", "1", "--max-model-len", "256", "Hello");
        Assert.Equal(ExitCode.Interrupted, run.Code);
    }

    [Theory]
    [InlineData(ExitCode.Failed, "--ids: 999999 is no token", "tokenize", "--ids", "999999")]
    [InlineData(ExitCode.Failed, "999999", "generate", "--prompt-ids", "999999", "--max-model-len", "64")]
    [InlineData(ExitCode.Failed, "64", "generate", "--prompt-ids", "1", "--max-tokens", "65", "--max-model-len", "64")]
    [InlineData(ExitCode.Usage, "exclude each other", "bench", "--shape", "llama-tiny")]
    [InlineData(ExitCode.Usage, "nothing to measure", "bench", "--pp", "0", "--tg", "0")]
    [InlineData(ExitCode.Usage, "no prompt", "run", "--max-model-len", "64", "-")]
    [InlineData(ExitCode.Usage, "--prompt-ids takes token ids", "logits", "--prompt-ids", "1;2", "--output", "x")]
    [InlineData(ExitCode.Usage, "--temperature takes a number of at least 0", "run", "--temperature", "-1", "x")]
    [InlineData(ExitCode.Usage, "--backend takes cpu or reference", "run", "--backend", "gpu", "x")]
    [InlineData(ExitCode.Usage, "--kv-memory takes a size", "run", "--kv-memory", "lots", "x")]
    public async Task What_cannot_be_done_is_said_in_one_line(int code, string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of([.. arguments, "--model", tiny.Path]);
        Assert.Equal(code, run.Code);
        Assert.Contains(message, run.Error);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData(ExitCode.Failed, "'glm5' is no shape and no config.json. Shapes: llama-3.2-1b", "--shape", "glm5", "--estimate")]
    [InlineData(ExitCode.Usage, "not made in the format 'Q9'", "--shape", "glm4-tiny", "--format", "Q9", "--estimate")]
    [InlineData(ExitCode.Usage, "--output is missing", "--shape", "glm4-tiny")]
    [InlineData(ExitCode.Usage, "--shape is missing")]
    public async Task A_model_that_cannot_be_made_is_refused(int code, string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["synth", .. arguments]);
        Assert.Equal(code, run.Code);
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public async Task Without_a_model_it_is_the_one_that_is_built_in()
    {
        Assert.Contains("autoglm-nano", (await CommandRun.Of("inspect")).Done());
        Assert.Contains("autoglm-nano", (await CommandRun.Of("run", "Who are you?")).Done());
        Assert.Contains("autoglm-nano", (await CommandRun.OfInput("你是谁？\n", "chat")).Done());
        Assert.NotEmpty((await CommandRun.Of("tokenize", "--text", "x")).Done());
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_refused_with_what_was_tried()
    {
        CommandRun run = await CommandRun.Of("inspect", "no-such-model.gguf");
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Contains("'no-such-model.gguf' is no file or folder in ", run.Error);
    }

    [Fact]
    public async Task A_name_on_the_hub_that_is_not_in_the_cache_is_refused_offline()
    {
        CommandRun run = await CommandRun.Of("pull", "nobody/nothing", "--offline", "--cache", tiny.Folder);
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.StartsWith("error: ", run.Error);
        Assert.Contains("nobody/nothing", run.Error);
    }

    /// <summary>A model in a file, made by the command that makes them.</summary>
    public sealed class TinyModel : IAsyncLifetime
    {
        readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-test-");

        public string Folder => _folder.FullName;

        public string Path => System.IO.Path.Combine(Folder, "tiny.gguf");

        public int Vocab { get; private set; }

        public async ValueTask InitializeAsync()
        {
            (await CommandRun.Of("synth", "--shape", "glm4-tiny", "--format", "Q8_0", "--output", Path, "--seed", "3")).Done();
            using ModelPackage model = ModelPackage.Open(Path);
            Vocab = model.Config.Vocab;
        }

        public ValueTask DisposeAsync()
        {
            _folder.Delete(recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
