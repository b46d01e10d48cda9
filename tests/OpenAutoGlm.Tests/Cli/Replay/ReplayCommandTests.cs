using System.Text.Json;
using OpenAutoGlm.Engine.Simulation;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Replay;

public sealed class ReplayCommandTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string Trace => _folder.Write("trace.jsonl", """
        {"timestamp": 0, "input_length": 600, "output_length": 20, "hash_ids": [0, 1]}
        {"timestamp": 4000, "input_length": 700, "output_length": 30, "hash_ids": [0, 2]}
        {"timestamp": 9000, "input_length": 5000, "output_length": 4, "hash_ids": [0, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
        """);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Policies_stand_side_by_side()
    {
        CommandRun run = await Replay("--policy", "on:kv=64k,sequences=4", "--policy", "off:kv=64k,cache=off,tokens=128", "--policy", "small:kv=2k", "--slo-ttft", "1s", "--json");
        run.Done();
        JsonElement[] policies = [.. run.Json.GetProperty("policies").EnumerateArray()];
        Assert.Equal(["on", "off", "small"], policies.Select(policy => policy.GetProperty("policy").GetString()));
        Assert.Equal([3, 3, 2], policies.Select(policy => policy.GetProperty("served").GetInt32()));
        Assert.Equal(1, policies[2].GetProperty("refused").GetProperty("PromptTooLong").GetInt32());
        Assert.Equal(Math.Round((512 + 672) / 6300.0, 4), policies[0].GetProperty("hitRatio").GetDouble());
        Assert.Equal(policies[0].GetProperty("endlessHitRatio").GetDouble(), policies[0].GetProperty("hitRatio").GetDouble());
        Assert.Equal(0, policies[1].GetProperty("hitRatio").GetDouble());
        Assert.True(policies[0].GetProperty("ttftMs").GetProperty("p50").GetDouble() > 0);
        Assert.Equal(4, policies[0].GetProperty("settings").GetProperty("sequences").GetInt32());
        Assert.True(policies[0].GetProperty("goodput").GetProperty("fraction").GetDouble() > 0);
    }

    [Fact]
    public async Task People_get_tables()
    {
        string text = (await Replay("--policy", "kv=64k", "--policy", "tpot=50ms,kv=64k", "--limit", "2", "--max-prompt-cap", "650", "--time-scale", "1,2")).Done();
        Assert.Contains("kv=64k × 1", text);
        Assert.Contains("tpot=50ms,kv=64k × 2", text);
        Assert.Contains("1 of 2 requests were longer", text);
        Assert.Contains("fragmentation", text);
    }

    [Theory]
    [InlineData("--trace is missing", "--cost-us", "1,1,1,1,1")]
    [InlineData("Nothing says what a step takes", "--trace", "x")]
    [InlineData("--cost-us takes five numbers", "--trace", "x", "--cost-us", "1,2")]
    [InlineData("exclude each other", "--trace", "x", "--cost-us", "1,1,1,1,1", "--cost", "y")]
    [InlineData("--policy takes", "--trace", "x", "--cost-us", "1,1,1,1,1", "--policy", "a:speed=9")]
    [InlineData("--policy takes", "--trace", "x", "--cost-us", "1,1,1,1,1", "--policy", "a:cache=maybe")]
    [InlineData("--policy takes", "--trace", "x", "--cost-us", "1,1,1,1,1", "--policy", "kv=99999m")]
    public async Task A_command_line_without_sense_is_refused_in_one_line(string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["replay", .. arguments]);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains(message, run.Error);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("MaxSequences", "--policy", "sequences=0")]
    [InlineData("BlockTokens", "--policy", "block=7")]
    [InlineData("it must be more than nothing", "--cost-us", "0,0,0,0,0")]
    public async Task What_no_engine_can_be_is_said(string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["replay", "--trace", Trace, .. arguments.Contains("--cost-us") ? arguments : ["--cost-us", "1,1,1,1,1", .. arguments]]);
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public void Costs_come_out_of_what_they_made()
    {
        StepCosts made = new() { Floor = 0.02, Token = 0.001, Sequence = 0.0002, Context = 2e-8 };
        List<MeasuredStep> steps = [];
        foreach ((double tokens, double sequences, double depth) in new[] { (1.0, 1.0, 0.0), (4, 4, 0), (16, 16, 0), (1, 1, 4096), (16, 16, 4096), (64, 1, 0), (512, 1, 0), (512, 1, 4096), (256, 1, 1024) })
        {
            double attended = tokens * (depth + 1);
            steps.Add(new MeasuredStep(tokens, sequences, attended, made.Of((int)tokens, (int)sequences, (long)attended)));
        }

        (StepCosts found, double worst) = CostFit.Of(steps);
        Assert.InRange(worst, 0, 0.001);
        Assert.Equal(made.Floor, found.Floor, 1e-4);
        Assert.Equal(made.Token, found.Token, 1e-5);
        Assert.Equal(made.Sequence, found.Sequence, 1e-5);
        Assert.Equal(made.Context, found.Context, 1e-9);
    }

    [Fact]
    public void Costs_never_fall_below_nothing_whatever_was_measured()
    {
        Random random = new(5);
        for (int round = 0; round < 20; round++)
        {
            MeasuredStep[] steps = [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => new MeasuredStep(random.Next(1, 600), random.Next(1, 20), random.Next(1, 100_000), 0.001 + random.NextDouble()))];
            (StepCosts costs, double worst) = CostFit.Of(steps);
            Assert.True(costs is { Floor: >= 0, Token: >= 0, Sequence: >= 0, Context: >= 0 } && double.IsFinite(worst));
        }
    }

    [Fact]
    public void Measurements_of_bench_are_costs()
    {
        // 10 ms to decode, 20,000 tokens/s for prompts of 512 and of 1024, which are two steps.
        string path = _folder.Write("bench.json", """
            {"model": "m", "rows": [
              {"test": "pp512", "sequences": 1, "depth": 0, "tokensPerSecond": {"median": 20000}},
              {"test": "pp1024", "sequences": 1, "depth": 0, "tokensPerSecond": {"median": 20000}},
              {"test": "tg16", "sequences": 1, "depth": 0, "tokensPerSecond": {"median": 100}},
              {"test": "tg16 × 4", "sequences": 4, "depth": 0, "tokensPerSecond": {"median": 400}}]}
            """);
        (StepCosts costs, double? worst) = CostFile.Read(path);
        Assert.InRange(worst!.Value, 0, 0.02);
        Assert.Equal(0.01, costs.Of(1, 1, 1), 3e-4);
        Assert.Equal(0.0256, costs.Of(512, 1, 512 * 256), 6e-4);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("[]", "")]
    [InlineData("{\"speed\": 1}", "speed is no cost")]
    [InlineData("{\"step\": -1}", "step is -1")]
    [InlineData("{\"step\": \"fast\"}", "step is \"fast\"")]
    [InlineData("{\"rows\": []}", "measured nothing")]
    [InlineData("{\"rows\": [{}]}", "")]
    [InlineData("{\"rows\": [{\"test\": \"pp\", \"sequences\": 1, \"depth\": 0, \"tokensPerSecond\": {\"median\": 5}}]}", "cannot be")]
    [InlineData("{\"rows\": [{\"test\": \"pp8\", \"sequences\": 1, \"depth\": 0, \"tokensPerSecond\": {\"median\": 0}}]}", "cannot be")]
    public void What_is_no_cost_is_refused_with_the_file(string text, string message)
    {
        string path = _folder.Write("cost.json", text);
        CommandFailedException error = Assert.Throws<CommandFailedException>(() => CostFile.Read(path));
        Assert.StartsWith(path, error.Message);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void Named_costs_are_taken_as_they_stand() =>
        Assert.Equal((new StepCosts { Step = 0.001, Floor = 0.02, Context = 1e-9 }, null), CostFile.Read(_folder.Write("cost.json", """{"step": 0.001, "floor": 0.02, "context": 1e-9}""")));

    Task<CommandRun> Replay(params string[] arguments) => CommandRun.Of(["replay", "--trace", Trace, "--cost-us", "500,8000,100,50,0.1", .. arguments]);
}
