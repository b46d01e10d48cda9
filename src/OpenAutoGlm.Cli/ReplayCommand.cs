using System.CommandLine;
using System.Diagnostics;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Load.Results;
using OpenAutoGlm.Cli.Replay;
using OpenAutoGlm.Engine.Simulation;
using OpenAutoGlm.Engine.Simulation.Replay;
using OpenAutoGlm.Engine.Traces;
using Trace = OpenAutoGlm.Engine.Traces.Trace;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm replay: what policies of the scheduler and its memory would do to real traffic, before anybody runs them.</summary>
sealed class ReplayCommand : AutoGlmCommand
{
    readonly Option<string?> _trace = Flags.Text("--trace", "file", "The traffic: Azure's CSV, Mooncake's JSON lines, or records of 'bench serve'.");
    readonly Option<int?> _limit = Flags.Int("--limit", "Requests of the trace, from its beginning. Default: all.", 1, TraceReader.MaxRequests);
    readonly Option<double[]?> _scale = Flags.Numbers("--time-scale", "Multiply its arrivals, so that 0.5 is twice as heavy; several numbers replay each policy with each. Default: 1.");
    readonly Option<int?> _outputCap = Flags.Int("--max-tokens-cap", "Longest answer; longer ones are cut to it.", 1, TraceReader.MaxTokens);
    readonly Option<int?> _promptCap = Flags.Int("--max-prompt-cap", "Longest prompt; longer ones are cut to it.", 1, TraceReader.MaxTokens);
    readonly Option<string[]> _policies = new("--policy")
    {
        Description = $"A policy to replay; may be repeated: {PolicyText.Form}. Default: the engine's own options over 128k tokens of memory.",
        HelpName = "policy",
    };
    readonly Option<string?> _costs = Flags.Text("--cost", "file", "What steps take: an object with step, token, sequence, context and floor in seconds, or what 'autoglm bench --json' measured on a model.");
    readonly Option<double[]?> _costNumbers = Flags.Numbers("--cost-us", "The same as five numbers of microseconds: step, floor, token, sequence, and context for each thousand positions.", orZero: true);
    readonly Option<TimeSpan?> _firstToken = Flags.Time("--slo-ttft", "Longest time to the first token of a good request.");
    readonly Option<TimeSpan?> _perToken = Flags.Time("--slo-tpot", "Longest time for each further token of a good request.");
    readonly Option<TimeSpan?> _endToEnd = Flags.Time("--slo-e2e", "Longest time for the whole answer of a good request.");
    readonly Option<bool> _json = Flags.Json();

    public ReplayCommand(CommandConsole console)
        : base("replay", "Plays a trace through the real scheduler, memory and prefix cache in virtual time, one policy beside the other.", console)
    {
        AddAll([_trace, _limit, _scale, _outputCap, _promptCap, _policies, _costs, _costNumbers, _firstToken, _perToken, _endToEnd, _json]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm replay --trace AzureLLMInferenceTrace_conv.csv --cost cost.json --time-scale 20", "See what an hour of a real service would be at a twentieth of its pace, with what 'autoglm bench --model MODEL --pp 64,512 --tg 16 --batch 1,4,16 --depth 0,4096 --json > cost.json' measured:"),
        ("autoglm replay --trace conversation_trace.jsonl --cost-us 500,8000,60,20,0.05 --policy on:kv=1m,sequences=64,tokens=2048 --policy off:kv=1m,sequences=64,tokens=2048,cache=off", "See what the prefix cache is worth for conversations:"),
        ("autoglm replay --trace requests.jsonl --cost cost.json --policy tokens=128 --policy tokens=512 --policy tpot=100ms --slo-ttft 2s --slo-tpot 100ms", "Choose the size of steps for what 'bench serve --records' wrote down:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string path = arguments.GetValue(_trace) ?? throw CommandFailedException.Usage("--trace is missing: there is nothing to replay.");
        PolicyText[] policies = Policies(arguments);
        (StepCosts costs, double? error) = Costs(arguments);
        List<string> remarks = [];
        if (error is { } worst)
        {
            remarks.Add($"costs are fitted to what was measured; the worst measurement lies {worst * 100:0} % beside");
        }

        Trace trace = TraceReader.Read(path, arguments.GetValue(_limit)).Capped(arguments.GetValue(_promptCap) ?? int.MaxValue, arguments.GetValue(_outputCap) ?? int.MaxValue, out int cut);
        if (cut > 0)
        {
            remarks.Add($"{cut} of {trace.Requests.Length} requests were longer and are cut");
        }

        Objectives objectives = new(arguments.GetValue(_firstToken), arguments.GetValue(_perToken), arguments.GetValue(_endToEnd));
        ReplayReport report = new()
        {
            Trace = $"{trace.Name}: {trace.Requests.Length} requests in {Units.Duration(trace.Duration)}, {Units.Count(trace.PromptTokens)} prompt tokens, {Units.Count(trace.OutputTokens)} answer tokens",
            Costs = costs,
            Objectives = objectives,
            Rows = Replay(trace, policies, arguments.GetValue(_scale) is { Length: > 0 } scales ? scales : [1], costs, objectives, cancellation),
            Remarks = remarks,
        };
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(report.ToJson());
        }
        else
        {
            report.Print(Console);
        }

        return Task.FromResult(ExitCode.Done);
    }

    List<ReplayRow> Replay(Trace trace, PolicyText[] policies, double[] scales, StepCosts costs, Objectives objectives, CancellationToken cancellation)
    {
        StatusLine status = new(Console);
        List<ReplayRow> rows = [];
        foreach (double scale in scales)
        {
            Trace scaled = trace.Scaled(scale);
            foreach (PolicyText text in policies)
            {
                ReplayPolicy policy = text.For(scaled);
                policy = scales.Length > 1 ? policy with { Name = FormattableString.Invariant($"{policy.Name} × {scale:0.###}") } : policy;
                long start = Stopwatch.GetTimestamp();
                ReplayResult result = TraceReplay.Run(scaled, policy, costs, progress: come => status.Say($"{policy.Name}: {come:N0} of {scaled.Requests.Length:N0} requests"), cancellation: cancellation);
                rows.Add(new ReplayRow(result, objectives, Stopwatch.GetElapsedTime(start)));
            }
        }

        status.End();
        return rows;
    }

    PolicyText[] Policies(ParseResult arguments)
    {
        string[] texts = arguments.GetValue(_policies) ?? [];
        return texts.Length == 0
            ? [PolicyText.Default]
            : [.. texts.Select(text => PolicyText.Parse(text) ?? throw CommandFailedException.Usage($"--policy takes {PolicyText.Form}, and '{text}' is none."))];
    }

    (StepCosts Costs, double? WorstError) Costs(ParseResult arguments)
    {
        string? file = arguments.GetValue(_costs);
        double[] numbers = arguments.GetValue(_costNumbers) ?? [];
        return (file, numbers) switch
        {
            (not null, { Length: 0 }) => CostFile.Read(file),
            (null, [var step, var floor, var token, var sequence, var context]) => (new StepCosts
            {
                Step = step / 1e6,
                Floor = floor / 1e6,
                Token = token / 1e6,
                Sequence = sequence / 1e6,
                Context = context / 1e9,
            }, null),
            (null, { Length: 0 }) => throw CommandFailedException.Usage("Nothing says what a step takes: give --cost FILE with what 'autoglm bench --json' measured, or --cost-us."),
            (not null, _) => throw CommandFailedException.Usage("--cost and --cost-us exclude each other."),
            _ => throw CommandFailedException.Usage($"--cost-us takes five numbers, and there are {numbers.Length}."),
        };
    }
}
