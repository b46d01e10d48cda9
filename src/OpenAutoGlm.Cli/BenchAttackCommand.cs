using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Attack;
using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm bench attack: sends a server what it should not be sent, and checks that it keeps its manners.</summary>
sealed class BenchAttackCommand : AutoGlmCommand
{
    readonly Option<string?> _url = Flags.Text("--url", "url", "The server, which must serve /openapi.json. Default: http://127.0.0.1:8000.");
    readonly Option<string?> _model = Flags.Text("--model", "name", "What to ask for. Default: the first model that the server lists.", "-m");
    readonly Option<string?> _key = Flags.Text("--api-key", "key", "Sent as a bearer token.");
    readonly Option<int?> _requests = Flags.Int("--requests", "How many requests. Default: 10000.", 1, int.MaxValue, "-n");
    readonly Option<int?> _seed = Flags.Int("--seed", "The same seed sends the same requests. Default: 1.", 0, int.MaxValue);
    readonly Option<int?> _clients = Flags.Int("--concurrency", "Requests at the same time. Default: 16.", 1, 1024, "-c");
    readonly Option<TimeSpan?> _timeout = Flags.Time("--timeout", "Longest time for an answer. Default: 30s.");
    readonly Option<string?> _skip = Flags.Text("--skip", "paths", "Beginnings of addresses to leave alone, with commas between them. Default: /admin/machine,/admin/models.");
    readonly Option<int?> _only = Flags.Int("--only", "Send the request of this number alone, and show what comes.", 0, int.MaxValue);
    readonly Option<int?> _stalled = Flags.Int("--stalled", "Instead: open so many connections that stall, and measure how long good requests take beside them, in turn with none.", 1, 60_000);
    readonly Option<int?> _process = Flags.Int("--pid", "The server's process, whose memory is told before and after.", 1, int.MaxValue);

    public BenchAttackCommand(CommandConsole console)
        : base("attack", "Sends a running server thousands of broken, hostile and good requests, and checks every answer.", console)
    {
        AddAll(_url, _model, _key, _requests, _seed, _clients, _timeout, _skip, _only, _stalled, _process);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm bench attack --requests 2000", "Try the server on this machine, briefly. Only attack servers of your own:"),
        ("autoglm bench attack --url http://10.0.0.5:8000 --api-key KEY --requests 200000 --concurrency 32", "Try a deployment for longer:"),
        ("autoglm bench attack --stalled 1000", "See whether a thousand connections that stall hold up a good client:"),
        ("autoglm bench attack --seed 1 --only 4711", "Send one of the requests again, and see it:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string address = arguments.GetValue(_url) ?? "http://127.0.0.1:8000";
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url) || url.Scheme != Uri.UriSchemeHttp)
        {
            throw CommandFailedException.Usage($"--url is '{address}'; it must be http://HOST:PORT (what is sent is no proper TLS client's).");
        }

        string? key = arguments.GetValue(_key);
        int seed = arguments.GetValue(_seed) ?? 1;
        using HttpClient http = new() { BaseAddress = url };
        http.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        if (arguments.GetValue(_stalled) is { } stalled)
        {
            return await StallAsync(http, stalled, arguments.GetValue(_model) ?? await ModelAsync(http, cancellation), cancellation);
        }

        JsonNode document = await JsonAsync(http, "/openapi.json", cancellation);
        string model = arguments.GetValue(_model) ?? await ModelAsync(http, cancellation);
        IReadOnlyList<AttackRoute> routes = AttackRoute.Read(document, (arguments.GetValue(_skip) ?? "/admin/machine,/admin/models").Split(',', StringSplitOptions.RemoveEmptyEntries));
        RequestWriter writer = new(routes, model, url.Authority, key, seed);
        AttackPlan plan = new(url.Host, url.Port, arguments.GetValue(_requests) ?? 10_000, 0, arguments.GetValue(_clients) ?? 16, arguments.GetValue(_timeout) ?? TimeSpan.FromSeconds(30));
        return arguments.GetValue(_only) is { } number
            ? await ShowAsync(plan, writer.Write(number), cancellation)
            : await AttackAsync(arguments, plan, writer, http, model, $"{routes.Count} operations of {url}, seed {seed}", cancellation);
    }

    async Task<int> AttackAsync(ParseResult arguments, AttackPlan plan, RequestWriter writer, HttpClient http, string model, string what, CancellationToken cancellation)
    {
        TimeProvider time = TimeProvider.System;
        string before = await AnswerAsync(http, model, cancellation);
        AttackRun run = new(plan, writer, time);
        Console.Note($"{plan.Requests:N0} requests to {what}");
        List<long> memory = [];
        long start = time.GetTimestamp();
        using (CancellationTokenSource watching = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
        {
            Task watch = WatchAsync(run, plan, arguments.GetValue(_process), memory, watching.Token);
            await run.RunAsync(cancellation);
            await watching.CancelAsync();
            await watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Console.Output.WriteLine(AttackReport.Of(run, time.GetElapsedTime(start).TotalSeconds, $"autoglm bench attack --url {http.BaseAddress} --seed {arguments.GetValue(_seed) ?? 1}"));
        if (memory.Count > 0)
        {
            Console.Output.WriteLine($"Memory of the server, in tenths of the run: {string.Join(", ", memory.Select(bytes => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N0}")))} MiB.");
        }

        string after = await AnswerAsync(http, model, cancellation);
        Console.Output.WriteLine(before == after ? "A good request gets the same answer as before." : $"A good request got '{before}' before and gets '{after}' now.");
        return run.Findings.Count == 0 && before == after ? ExitCode.Done : throw new CommandFailedException("The server did not keep its promises; see above.");
    }

    /// <summary>Tells how far the run is, and takes the server's memory at every tenth of it.</summary>
    async Task WatchAsync(AttackRun run, AttackPlan plan, int? process, List<long> memory, CancellationToken cancellation)
    {
        StatusLine status = new(Console);
        try
        {
            for (long tenth = 0; ;)
            {
                if (process is { } id && run.Done * 10 / plan.Requests >= tenth)
                {
                    memory.Add(ServerMemory.Resident(id));
                    tenth = (run.Done * 10 / plan.Requests) + 1;
                }

                status.Say($"{run.Done:N0} of {plan.Requests:N0}, {run.Findings.Count} found");
                await Task.Delay(TimeSpan.FromMilliseconds(250), cancellation);
            }
        }
        finally
        {
            status.End();
            if (process is { } id)
            {
                memory.Add(ServerMemory.Resident(id));
            }
        }
    }

    async Task<int> StallAsync(HttpClient http, int connections, string model, CancellationToken cancellation)
    {
        const int Rounds = 5;
        const int Requests = 40;
        string body = new JsonObject { ["model"] = model, ["prompt"] = "Once upon a time", ["max_tokens"] = 4, ["stream"] = true }.ToJsonString();
        StallRun run = new(http.BaseAddress!.Host, http.BaseAddress.Port, connections, token => AnswerAsync(http, model, token), TimeProvider.System);
        StallResult result = await run.RunAsync("/v1/completions", body, Rounds, Requests, cancellation);
        Console.Output.WriteLine("| good requests | median | p90 | longest |");
        Console.Output.WriteLine("|---|--:|--:|--:|");
        Console.Output.WriteLine(Row("alone", result.Alone));
        Console.Output.WriteLine(Row($"beside {connections:N0} stalled connections", result.Besieged));
        Console.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nRatio of the medians: {result.Ratio:N2}"));
        return ExitCode.Done;
    }

    static string Row(string name, double[] sorted) =>
        string.Create(CultureInfo.InvariantCulture, $"| {name} | {StallResult.Median(sorted):N2} ms | {sorted[sorted.Length * 9 / 10]:N2} ms | {sorted[^1]:N1} ms |");

    static async Task<string> ModelAsync(HttpClient http, CancellationToken cancellation) =>
        (string?)(await JsonAsync(http, "/v1/models", cancellation))["data"]?[0]?["id"] ?? throw new CommandFailedException($"{http.BaseAddress} lists no model; name one with --model.");

    async Task<int> ShowAsync(AttackPlan plan, AttackRequest request, CancellationToken cancellation)
    {
        using AttackConnection connection = new();
        await connection.OpenAsync(plan.Host, plan.Port, cancellation);
        Console.Output.WriteLine($"{request.Kind}:\n{request.Preview}\n");
        (AttackEnd end, List<AttackAnswer> answers) = await connection.ExchangeAsync(request, plan.Timeout, cancellation);
        foreach (AttackAnswer answer in answers)
        {
            Console.Output.WriteLine($"{answer.Status} {answer.Type}\n{Encoding.UTF8.GetString(answer.Body)}");
        }

        Console.Output.WriteLine($"{end}: {Oracle.Fault(request, end, answers) ?? "as it should be"}");
        return ExitCode.Done;
    }

    static async Task<string> AnswerAsync(HttpClient http, string model, CancellationToken cancellation)
    {
        JsonObject body = new() { ["model"] = model, ["prompt"] = "Once upon a time", ["max_tokens"] = 16, ["temperature"] = 0 };
        using StringContent content = new(body.ToJsonString(), Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync("/v1/completions", content, cancellation);
        string text = await response.Content.ReadAsStringAsync(cancellation);
        return response.IsSuccessStatusCode ? JsonNode.Parse(text)!["choices"]!.ToJsonString() : throw new CommandFailedException($"A good request is answered with {(int)response.StatusCode}: {text}");
    }

    static async Task<JsonNode> JsonAsync(HttpClient http, string path, CancellationToken cancellation)
    {
        try
        {
            return JsonNode.Parse(await http.GetStringAsync(path, cancellation)) ?? throw new CommandFailedException($"{http.BaseAddress}{path[1..]} is empty.");
        }
        catch (HttpRequestException error)
        {
            throw new CommandFailedException($"{http.BaseAddress}{path[1..]} cannot be read: {error.Message}", inner: error);
        }
    }
}
