using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// Mixed load on a running server for a long time: streams read to the end, left in the middle or read slowly, whole answers,
/// impossible requests, and connections that break off half a request. Every request must end in exactly one way, the server
/// must count the same, and memory, files and blocks must be what they were.
/// </summary>
sealed class SoakBenchmark(Uri url, int clients, int seed)
{
    const int MostPromptTokens = 600;
    const int MostTokens = 160;
    const int Ids = 400; // ids that every vocabulary has
    static readonly TimeSpan Settling = TimeSpan.FromSeconds(40); // until the server has noticed that clients have gone
    static readonly TimeSpan WarmUp = TimeSpan.FromMinutes(10); // until the collector has found its pace
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(15); // a low priority may wait for long on a busy machine

    readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 4 * clients }) { BaseAddress = url, Timeout = Patience };
    readonly SortedDictionary<string, long> _endings = [];
    readonly List<string> _wrong = [];
    readonly int[] _prefix = [.. Enumerable.Range(0, 96).Select(i => 100 + (i * 7 % Ids))];
    string _model = "";
    int _mostPrompt = MostPromptTokens;

    internal static async Task<int> RunAsync(Uri url, double minutes, int clients, int seed)
    {
        SoakBenchmark soak = new(url, clients, seed);
        return await soak.RunAsync(TimeSpan.FromMinutes(minutes));
    }

    async Task<int> RunAsync(TimeSpan length)
    {
        using (JsonDocument models = JsonDocument.Parse(await _http.GetStringAsync("/v1/models")))
        {
            JsonElement model = models.RootElement.GetProperty("data")[0];
            _model = model.GetProperty("id").GetString()!;
            _mostPrompt = Math.Min(MostPromptTokens, model.GetProperty("max_model_len").GetInt32() - MostTokens);
        }

        Dictionary<string, double> first = await MetricsAsync();
        using CancellationTokenSource over = new(length);
        Task[] running = [.. Enumerable.Range(0, clients).Select(i => Task.Run(() => ClientAsync(i, over.Token)))];
        Console.WriteLine("| minute | ended | resident MiB | managed MiB | files | running | waiting | KV used | preempted |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        Stopwatch watch = Stopwatch.StartNew();
        Dictionary<string, double>? settled = null;
        double most = 0;
        while (!over.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(TimeSpan.FromMinutes(1)), Task.Delay(Timeout.Infinite, over.Token));
            Dictionary<string, double> now = await MetricsAsync();
            Console.WriteLine(Row($"{watch.Elapsed.TotalMinutes:N1}", now));
            settled = watch.Elapsed < WarmUp ? now : settled ?? now;
            most = Math.Max(most, now["process_resident_memory_bytes"]);
        }

        await Task.WhenAll(running);
        await Task.Delay(Settling);
        Dictionary<string, double> last = await MetricsAsync();
        Console.WriteLine(Row("after", last));
        Console.WriteLine();
        foreach ((string ending, long count) in _endings)
        {
            Console.WriteLine($"- {ending}: {count:N0}");
        }

        double Counted(string reason) => Sum(last, $"finished_reason=\"{reason}\"") - Sum(first, $"finished_reason=\"{reason}\"");
        (double stop, double cut, double abort, double error) = (Counted("stop"), Counted("length"), Counted("abort"), Counted("error"));
        Console.WriteLine($"- the server counts: stop {stop:N0}, length {cut:N0}, abort {abort:N0}, error {error:N0}, "
            + $"preemptions {Sum(last, "num_preemptions_total") - Sum(first, "num_preemptions_total"):N0}");
        Console.WriteLine($"- resident memory {Mebi(settled!)} MiB after ten minutes, {most / (1 << 20):N0} at most, {Mebi(last)} after");
        Expect(Sum(last, "num_requests_running") == 0 && Sum(last, "num_requests_waiting") == 0, "requests run or wait although all clients have gone");
        Expect(Sum(last, "kv_cache_usage_perc") == 0, $"{Sum(last, "kv_cache_usage_perc"):P1} of the KV memory is in use although all clients have gone");
        Expect(error == 0, $"{error:N0} requests ended with an error inside");
        foreach (string wrong in _wrong.Take(20))
        {
            Console.WriteLine($"WRONG: {wrong}");
        }

        Console.WriteLine(_wrong.Count == 0 ? "Nothing else happened." : $"{_wrong.Count:N0} things are wrong.");
        return _wrong.Count == 0 ? 0 : 1;
    }

    string Row(string minute, Dictionary<string, double> metrics)
    {
        long ended;
        lock (_endings)
        {
            ended = _endings.Values.Sum();
        }

        return $"| {minute} | {ended:N0} | {Mebi(metrics)} | {metrics["dotnet_gc_heap_size_bytes"] / (1 << 20):N0} | {metrics["process_open_fds"]:N0} "
            + $"| {Sum(metrics, "num_requests_running"):N0} | {Sum(metrics, "num_requests_waiting"):N0} | {Sum(metrics, "kv_cache_usage_perc"):P0} | {Sum(metrics, "num_preemptions_total"):N0} |";
    }

    static string Mebi(Dictionary<string, double> metrics) => (metrics["process_resident_memory_bytes"] / (1 << 20)).ToString("N0", CultureInfo.InvariantCulture);

    static double Sum(Dictionary<string, double> metrics, string part) => metrics.Where(metric => metric.Key.Contains(part, StringComparison.Ordinal)).Sum(metric => metric.Value);

    async Task<Dictionary<string, double>> MetricsAsync()
    {
        Dictionary<string, double> metrics = [];
        foreach (string line in (await _http.GetStringAsync("/metrics")).Split('\n'))
        {
            int space = line.LastIndexOf(' ');
            if (space > 0 && line[0] != '#' && !line.Contains("_bucket", StringComparison.Ordinal) && !line.Contains("_limit", StringComparison.Ordinal))
            {
                metrics[line[..space]] = double.Parse(line[(space + 1)..], CultureInfo.InvariantCulture);
            }
        }

        return metrics;
    }

    async Task ClientAsync(int client, CancellationToken over)
    {
        Random random = new(HashCode.Combine(seed, client));
        while (!over.IsCancellationRequested)
        {
            int drawn = random.Next(100);
            (string Name, Func<Task<string>> Run) kind = drawn switch
            {
                < 45 => ("stream", () => StreamAsync(random)),
                < 60 => ("left", () => LeaveAsync(random)),
                < 70 => ("slow", () => SlowAsync(random)),
                < 82 => ("answer", () => AnswerAsync(random)),
                < 93 => ("impossible", () => ImpossibleAsync(random)),
                _ => ("half a request", () => HalfAsync(random)),
            };
            string ending;
            try
            {
                ending = $"{kind.Name}: {await kind.Run()}";
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or JsonException or OperationCanceledException or SocketException)
            {
                ending = $"{kind.Name}: {failure.GetType().Name}";
                Wrong($"{ending} {failure.Message}");
            }

            lock (_endings)
            {
                _endings[ending] = _endings.GetValueOrDefault(ending) + 1;
            }

            await Task.Delay(random.Next(400), CancellationToken.None);
        }
    }

    Dictionary<string, object> Request(Random random, bool stream)
    {
        int length = Math.Clamp((int)Math.Exp(4 + (1.2 * Normal(random))), 3, _mostPrompt);
        int shared = random.Next(3) == 0 ? Math.Min(length, _prefix.Length) : 0;
        int[] prompt = [.. _prefix.Take(shared), .. Enumerable.Range(0, length - shared).Select(_ => 100 + random.Next(Ids))];
        Dictionary<string, object> request = new()
        {
            ["model"] = _model,
            ["prompt"] = prompt,
            ["max_tokens"] = 1 + random.Next(MostTokens),
            ["temperature"] = random.Next(2) == 0 ? 0 : 0.8,
            ["n"] = random.Next(10) == 0 ? 1 + random.Next(3) : 1,
            ["user"] = $"user {random.Next(5)}",
            ["stream"] = stream,
        };
        if (random.Next(4) == 0)
        {
            request["priority"] = random.Next(-2, 3);
        }

        return request;
    }

    async Task<HttpResponseMessage> SendAsync(object request, CancellationToken cancel = default)
    {
        HttpRequestMessage message = new(HttpMethod.Post, "/v1/completions") { Content = JsonContent.Create(request) };
        return await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancel);
    }

    /// <summary>Reads a stream to its end: one reason to finish for each choice, one [DONE], nothing after.</summary>
    async Task<string> StreamAsync(Random random)
    {
        Dictionary<string, object> request = Request(random, stream: true);
        using HttpResponseMessage response = await SendAsync(request);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            return Busy(response);
        }

        using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
        (int finished, int done) = (0, 0);
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line == "data: [DONE]")
            {
                done++;
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                using JsonDocument chunk = JsonDocument.Parse(line[6..]);
                foreach (JsonElement choice in chunk.RootElement.GetProperty("choices").EnumerateArray())
                {
                    finished += choice.TryGetProperty("finish_reason", out JsonElement reason) && reason.ValueKind == JsonValueKind.String ? 1 : 0;
                }
            }
        }

        Expect(finished == (int)request["n"] && done == 1, $"a stream of {request["n"]} choices had {finished} ends and {done} [DONE]");
        return "read to the end";
    }

    async Task<string> AnswerAsync(Random random)
    {
        Dictionary<string, object> request = Request(random, stream: false);
        using HttpResponseMessage response = await SendAsync(request);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            return Busy(response);
        }

        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        int finished = answer.RootElement.GetProperty("choices").EnumerateArray().Count(choice => choice.GetProperty("finish_reason").ValueKind == JsonValueKind.String);
        Expect(finished == (int)request["n"], $"an answer of {request["n"]} choices had {finished} ends");
        return "read whole";
    }

    /// <summary>Goes away before the headers, or after some of the stream.</summary>
    async Task<string> LeaveAsync(Random random)
    {
        using CancellationTokenSource leaving = new();
        bool isEarly = random.Next(3) == 0;
        if (isEarly)
        {
            leaving.CancelAfter(random.Next(30));
        }

        try
        {
            using HttpResponseMessage response = await SendAsync(Request(random, stream: true), leaving.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return Busy(response);
            }

            using Stream stream = await response.Content.ReadAsStreamAsync(leaving.Token);
            byte[] some = new byte[256];
            for (int i = random.Next(40); i > 0 && await stream.ReadAsync(some, leaving.Token) > 0; i--)
            {
            }

            return "in the middle";
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested)
        {
            return "early";
        }
    }

    /// <summary>Reads a little at a time, with pauses, and goes after a while.</summary>
    async Task<string> SlowAsync(Random random)
    {
        using HttpResponseMessage response = await SendAsync(Request(random, stream: true));
        if (response.StatusCode != HttpStatusCode.OK)
        {
            return Busy(response);
        }

        using Stream stream = await response.Content.ReadAsStreamAsync();
        byte[] some = new byte[64];
        for (int i = 0; i < 100; i++)
        {
            if (await stream.ReadAsync(some) == 0)
            {
                return "read to the end";
            }

            await Task.Delay(random.Next(60));
        }

        return "left";
    }

    async Task<string> ImpossibleAsync(Random random)
    {
        Dictionary<string, object> request = Request(random, stream: random.Next(2) == 0);
        (string key, object value) = random.Next(6) switch
        {
            0 => ("max_tokens", (object)-5),
            1 => ("temperature", -1),
            2 => ("model", "no-such-model"),
            3 => ("n", 1_000_000),
            4 => ("prompt", new[] { -1 }),
            _ => ("top_p", "high"),
        };
        request[key] = value;
        using HttpResponseMessage response = await SendAsync(request);
        Expect((int)response.StatusCode is >= 400 and < 500, $"{key} {value} got {(int)response.StatusCode}");
        return $"refused with {(int)response.StatusCode}";
    }

    /// <summary>Announces a body, sends a part of it, and breaks off.</summary>
    async Task<string> HalfAsync(Random random)
    {
        using TcpClient tcp = new();
        await tcp.ConnectAsync(url.Host, url.Port);
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(Request(random, stream: true));
        byte[] head = Encoding.ASCII.GetBytes($"POST /v1/completions HTTP/1.1\r\nHost: {url.Authority}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n");
        await tcp.GetStream().WriteAsync(head);
        await tcp.GetStream().WriteAsync(body.AsMemory(0, random.Next(body.Length)));
        await Task.Delay(random.Next(300));
        if (random.Next(2) == 0)
        {
            tcp.LingerState = new LingerOption(enable: true, seconds: 0); // a reset instead of an end
        }

        return "broken off";
    }

    string Busy(HttpResponseMessage response)
    {
        bool isBusy = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;
        Expect(isBusy, $"a possible request got {(int)response.StatusCode}");
        return $"sent away with {(int)response.StatusCode}";
    }

    void Expect(bool isRight, string otherwise)
    {
        if (!isRight)
        {
            Wrong(otherwise);
        }
    }

    void Wrong(string what)
    {
        lock (_wrong)
        {
            _wrong.Add(what);
        }
    }

    static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
