using System.Text.Json;
using System.Xml;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Bench;

public sealed class BenchTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Depths_and_batches_make_a_row_each()
    {
        CommandRun run = await Bench("--pp", "8", "--tg", "2", "--depth", "0,16", "--batch", "1,3", "-r", "1", "--json");
        run.Done();
        JsonElement[] rows = [.. run.Json.GetProperty("rows").EnumerateArray()];
        Assert.Equal(["pp8", "pp8 @ 16", "tg2", "tg2 × 3", "tg2 @ 16", "tg2 × 3 @ 16"], rows.Select(row => row.GetProperty("test").GetString()));
        Assert.All(rows, row => Assert.True(row.GetProperty("fraction").GetDouble() > 0 && row.GetProperty("readBandwidthGBs").GetDouble() > 0));
        Assert.True(run.Json.GetProperty("machine").GetProperty("bf16Gflops").GetDouble() > 0);
    }

    [Fact]
    public async Task Operators_are_counted_and_drawn()
    {
        string picture = _folder.File("roof.svg");
        CommandRun run = await Bench("--pp", "8", "--tg", "2", "-r", "1", "--ops", "--svg", picture, "--json");
        run.Done();
        JsonElement[] tests = [.. run.Json.GetProperty("operators").EnumerateArray()];
        Assert.Equal(["pp8", "tg2"], tests.Select(test => test.GetProperty("test").GetString()));
        Assert.All(tests, test =>
        {
            JsonElement[] operators = [.. test.GetProperty("operators").EnumerateArray()];
            Assert.Equal(1, operators.Sum(row => row.GetProperty("share").GetDouble()), 0.01);
            Assert.Contains(operators, row => row.GetProperty("operations").GetDouble() > 0 && row.GetProperty("bytes").GetDouble() > 0);
        });
        XmlDocument svg = new();
        svg.Load(picture);
        Assert.Equal("svg", svg.DocumentElement!.Name);
        Assert.NotEmpty(svg.GetElementsByTagName("circle"));

        string text = (await Bench("--pp", "0", "--tg", "2", "-r", "1", "--ops")).Done();
        Assert.Contains("ops/byte", text);
        Assert.Contains("A  ", text);
    }

    [Fact]
    public async Task Passes_are_compared_one_by_one_and_all_together()
    {
        CommandRun run = await Bench("--pp", "4", "-r", "1", "--passes", "--json");
        run.Done();
        JsonElement[] passes = [.. run.Json.GetProperty("passes").EnumerateArray()];
        Assert.Equal("all", passes[^1].GetProperty("pass").GetString());
        Assert.True(passes[^1].GetProperty("kernelsWithout").GetInt32() > run.Json.GetProperty("kernels").GetInt32());
        Assert.True(passes[^1].GetProperty("decodeTimeWithout").GetDouble() > 0);
        Assert.Contains(passes, pass => pass.GetProperty("fired").GetInt32() > 0 && pass.GetProperty("pass").GetString() != "all");
        Assert.Contains("with all passes: ", (await Bench("--pp", "0", "--tg", "1", "-r", "1", "--passes")).Done());
    }

    [Fact]
    public async Task Another_program_is_measured_in_turn_and_compared_by_medians()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string program = _folder.Write("llama-bench", "#!/bin/sh\necho \"$@\" >> \"$0.log\"\necho '[{\"n_prompt\": 8, \"n_gen\": 0, \"avg_ts\": 1e-3}, {\"n_prompt\": 0, \"n_gen\": 2, \"avg_ts\": 1e-3}]'\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        CommandRun run = await Bench("--pp", "8", "--tg", "2", "--depth", "0,4", "-r", "2", "--versus", program, "--json");
        run.Done();
        Assert.Equal(4, run.Json.GetProperty("versus").GetArrayLength());
        Assert.All(run.Json.GetProperty("versus").EnumerateArray(), row => Assert.True(row.GetProperty("ratio").GetDouble() > 1));
        string[] calls = await File.ReadAllLinesAsync(program + ".log", TestContext.Current.CancellationToken);
        Assert.Equal(8, calls.Length);
        Assert.All(calls, call => Assert.Contains("-t 1 -p ", call));
        Assert.Contains(calls, call => call.EndsWith("-d 4", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("[{}]")]
    [InlineData("[{\"n_prompt\": 8, \"n_gen\": 0, \"avg_ts\": \"fast\"}]")]
    [InlineData("[{\"n_prompt\": 8, \"n_gen\": 0, \"avg_ts\": 0}]")]
    [InlineData("[{\"n_prompt\": 9, \"n_gen\": 0, \"avg_ts\": 5}]")]
    public void What_another_program_prints_is_not_trusted(string json) =>
        Assert.Throws<CommandFailedException>(() => PeerBench.Parse(json, new BenchTest(Prefill: true, 8)));

    [Theory]
    [InlineData("could not be started", "--versus", "/nowhere/llama-bench")]
    [InlineData("ended with code 1", "--versus", "/bin/false")]
    [InlineData("--batch takes numbers from 1", "--batch", "0")]
    [InlineData("--svg draws what --ops measures", "--svg", "x.svg")]
    public async Task What_cannot_be_measured_is_said_in_one_line(string message, params string[] arguments)
    {
        CommandRun run = await Bench(["--pp", "2", "--tg", "0", "-r", "1", .. arguments]);
        Assert.NotEqual(ExitCode.Done, run.Code);
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public async Task An_interrupt_ends_it()
    {
        using Interrupts interrupts = new();
        interrupts.Interrupt();
        CommandRun run = await CommandRun.OfInterrupted(interrupts, "", Arguments("--pp", "8", "-r", "1000"));
        Assert.Equal(ExitCode.Interrupted, run.Code);
    }

    [Fact]
    public async Task Tuning_shows_what_it_gained_and_keeps_it()
    {
        CommandRun run = await CommandRun.Of(["tune", "synth:llama-tiny", "--seconds", "1", "--cache", _folder.Root, "--threads", "1", "--json"]);
        run.Done();
        Assert.NotEmpty(run.Json.GetProperty("results").EnumerateArray());
        Assert.InRange(run.Json.GetProperty("decodeGain").GetDouble(), 0.2, 5);
        Assert.True(run.Json.GetProperty("saved").GetBoolean());
        Assert.True(File.Exists(_folder.File("tuning.json")));
    }

    [Fact]
    public async Task A_plan_shows_bytes_and_times_of_every_step_and_its_code()
    {
        CommandRun run = await CommandRun.Of("inspect", "synth:llama-tiny", "--plan", "--disassemble", "--cache", _folder.Root, "--threads", "1", "--json");
        run.Done();
        JsonElement[] steps = [.. run.Json.GetProperty("steps").EnumerateArray()];
        Assert.NotEmpty(steps);
        Assert.All(steps, step => Assert.True(step.GetProperty("bytes").GetDouble() > 0 && step.GetProperty("measuredMicroseconds").GetDouble() >= 0));
        Assert.Equal(JsonValueKind.Array, run.Json.GetProperty("code").ValueKind);
        string text = (await CommandRun.Of("inspect", "synth:llama-tiny", "--plan", "--disassemble", "--cache", _folder.Root, "--threads", "1")).Done();
        Assert.Contains("one token: ", text);
        Assert.Equal(ExitCode.Usage, (await CommandRun.Of("inspect", "synth:llama-tiny", "--disassemble", "--cache", _folder.Root)).Code);
    }

    Task<CommandRun> Bench(params string[] arguments) => CommandRun.Of(Arguments(arguments));

    string[] Arguments(params string[] arguments) => ["bench", "--model", "synth:llama-tiny", "--cache", _folder.Root, "--threads", "1", .. arguments];
}
