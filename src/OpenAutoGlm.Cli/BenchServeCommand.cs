using System.CommandLine;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Load;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Cli.Load.Prompts;
using OpenAutoGlm.Cli.Load.Results;
using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm bench serve: asks any OpenAI-compatible server, as many clients would, and measures its answers.</summary>
sealed class BenchServeCommand : AutoGlmCommand
{
    readonly Option<string?> _url = Flags.Text("--url", "url", $"The server, with or without /v1. Default: {LoadTarget.Default}.");
    readonly Option<string?> _model = Flags.Text("--model", "name", "What to ask for. Default: the first model that the server lists.", "-m");
    readonly Option<string?> _key = Flags.Text("--api-key", "key", "Sent as a bearer token.");
    readonly Option<string?> _endpoint = Flags.OneOf("--endpoint", "Which API to ask. Default: completions; chat for conversations.", "completions", "chat");
    readonly Option<string?> _compare = Flags.Text("--compare", "url", "A second server to ask the same in turn, A B A B …, with ratios of the two.");
    readonly Option<string?> _compareModel = Flags.Text("--compare-model", "name", "What to ask the second server for. Default: the first model that it lists.");
    readonly Option<string?> _compareKey = Flags.Text("--compare-api-key", "key", "The second server's key.");
    readonly Option<int?> _repeat = Flags.Int("--repeat", "Runs of every point, at every server in turn. Default: 1.", 1, 1000);

    readonly LoadShapeFlags _shape = new();
    readonly LoadPromptFlags _prompts = new();

    readonly Option<TimeSpan?> _firstToken = Flags.Time("--slo-ttft", "Longest time to the first token of a good request.");
    readonly Option<TimeSpan?> _perToken = Flags.Time("--slo-tpot", "Longest time for each further token of a good request.");
    readonly Option<TimeSpan?> _endToEnd = Flags.Time("--slo-e2e", "Longest time for the whole answer of a good request.");
    readonly Option<bool> _json = Flags.Json();
    readonly Option<string?> _records = Flags.Text("--records", "file", "Write every request as a line of JSON, which --trace can replay.");
    readonly Option<string?> _svg = Flags.Text("--svg", "file", "Draw latencies and rates over the sweep.");

    public BenchServeCommand(CommandConsole console)
        : base("serve", "Loads a running server with requests and measures latencies, rates and goodput.", console)
    {
        AddAll([_url, _model, _key, _endpoint, .. _shape.All, .. _prompts.All, _compare, _compareModel, _compareKey, _repeat, _firstToken, _perToken, _endToEnd, _json, _records, _svg]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm bench serve --concurrency 1,4,16", "See what a server on this machine gives to one, four and sixteen clients:"),
        ("autoglm bench serve --rate 0.5,1,2,4 --duration 60s --slo-ttft 1s --slo-tpot 100ms --svg load.svg", "Find the rate up to which requests are served well, and draw it:"),
        ("autoglm bench serve --rate-profile 30s:2,30s:4,30s:2 --burstiness 0.5", "Double the load for half a minute, in bursts:"),
        ("autoglm bench serve --trace AzureLLMInferenceTrace_conv.csv --limit 200 --time-scale 4,2,1 --max-tokens-cap 64", "Replay what a real service was asked, slower first:"),
        ("autoglm bench serve --concurrency 8 --shared-prefix 1024 --prompt-tokens lognormal:200:0.7 --output-tokens 16-128", "See what a prefix cache is worth:"),
        ("autoglm bench serve --endpoint chat --turns 4 --prompt-tokens 100 --output-tokens 50 --think-time 2s", "Hold conversations whose history grows:"),
        ("autoglm bench serve --prompts questions.jsonl --concurrency 4 --no-ignore-eos --records requests.jsonl", "Ask real questions, and keep what became of each:"),
        ("autoglm bench serve --url http://127.0.0.1:8000 --compare http://127.0.0.1:8080 --concurrency 1,8 --repeat 5", "Compare two servers side by side in one run:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        TimeProvider time = TimeProvider.System;
        int seed = _shape.Seed(arguments, time);
        IReadOnlyList<LoadPoint> points = _shape.Points(arguments, _prompts.TraceOf(arguments));
        bool chat = arguments.GetValue(_endpoint) is { } endpoint ? endpoint == "chat" : _prompts.Converses(arguments);
        _prompts.Check(arguments, chat);
        IWorkload workload = _prompts.Workload(arguments, seed);
        TimeSpan timeout = _shape.Timeout(arguments);
        List<LoadClient> clients = [.. Targets(arguments).Select(target => new LoadClient(target, chat, timeout, time))];
        try
        {
            List<LoadSide> sides = [];
            List<string> remarks = [.. _prompts.Remarks(arguments)];
            string?[] models = [arguments.GetValue(_model), arguments.GetValue(_compareModel)];
            for (int i = 0; i < clients.Count; i++)
            {
                (RequestBody bodies, string? remark) = await _prompts.BodiesAsync(arguments, clients[i], models[i], chat, cancellation);
                sides.Add(new LoadSide(clients[i], bodies));
                if (remark is not null)
                {
                    remarks.Add(clients.Count > 1 ? $"{clients[i].Target.Name}: {remark}" : remark);
                }
            }

            Objectives objectives = new(arguments.GetValue(_firstToken), arguments.GetValue(_perToken), arguments.GetValue(_endToEnd));
            LoadPlan plan = new()
            {
                Points = points,
                Sides = sides,
                Workload = workload,
                Limits = point => _shape.Limits(arguments, point, _prompts.TraceOf(arguments)),
                Objectives = objectives,
                Time = time,
                Seed = seed,
                Repeat = arguments.GetValue(_repeat) ?? 1,
                WarmUp = _shape.WarmUp(arguments),
                ThinkTime = _prompts.ThinkTime(arguments),
            };
            LoadReport report = new()
            {
                Load = $"{_prompts.Describe(arguments)} · {(chat ? "chat" : "completions")} · seed {seed}",
                Targets = [.. sides.Select(side => (side.Client.Target.Name, side.Bodies.Model))],
                Objectives = objectives,
                Results = await plan.RunAsync(Console, cancellation),
                Remarks = remarks,
            };
            return Show(arguments, report, cancellation.IsCancellationRequested);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    LoadTarget[] Targets(ParseResult arguments)
    {
        LoadTarget first = LoadTarget.Of("--url", arguments.GetValue(_url) ?? LoadTarget.Default, arguments.GetValue(_key));
        if (arguments.GetValue(_compare) is not { } compare)
        {
            return arguments.GetValue(_compareModel) is null && arguments.GetValue(_compareKey) is null
                ? [first]
                : throw CommandFailedException.Usage("--compare-model and --compare-api-key belong to --compare.");
        }

        LoadTarget second = LoadTarget.Of("--compare", compare, arguments.GetValue(_compareKey));
        return first.Name == second.Name ? [first with { Name = $"{first.Name} (1)" }, second with { Name = $"{second.Name} (2)" }] : [first, second];
    }

    int Show(ParseResult arguments, LoadReport report, bool interrupted)
    {
        if (arguments.GetValue(_records) is { } records)
        {
            RecordFile.Write(records, report.Results);
        }

        if (arguments.GetValue(_svg) is { } picture)
        {
            File.WriteAllText(picture, LoadPicture.Svg(report));
        }

        if (arguments.GetValue(_json))
        {
            Console.WriteJson(report.ToJson());
        }
        else
        {
            report.Print(Console);
        }

        if (interrupted)
        {
            Console.Note("Stopped by Ctrl-C: this is what was measured until then.");
            return ExitCode.Interrupted;
        }

        return report.Results.Any(result => result.Finished > 0) ? ExitCode.Done : throw new CommandFailedException("No request finished; the reasons are above.");
    }
}
