using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OpenAutoGlm.Cli;

namespace OpenAutoGlm.Deploy;

/// <summary>Debian's Prometheus over the real program: it scrapes with a key, answers the dashboard's queries, and an alert fires.</summary>
public sealed class PrometheusTests : IDisposable
{
    const string Listening = "Listening on ";
    const string Package = "prometheus";

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-prometheus-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Every_metric_that_deploy_names_is_on_a_live_page()
    {
        using AutoglmProcess server = await StartAsync();
        string page = await PageAsync(server);
        HashSet<string> live = [.. page.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2])];
        string[] files = ["prometheus/autoglm.rules.yml", "prometheus/autoglm.rules.test.yml", "grafana/autoglm.json", "kubernetes/hpa.yaml", "kubernetes/keda.yaml"];
        Assert.All(files, file =>
        {
            string[] named = [.. DeployFolder.MetricsIn(DeployFolder.Text(file.Split('/')))];
            Assert.NotEmpty(named);
            Assert.Empty(named.Except(live));
        });
    }

    [Fact]
    public async Task Prometheus_scrapes_a_live_server_and_an_alert_fires_when_it_is_gone()
    {
        string rules = Path.Combine(_folder.FullName, "autoglm.rules.yml");
        File.WriteAllText(rules, Regex.Replace(DeployFolder.Text("prometheus", "autoglm.rules.yml"), @"for: \d+m", "for: 2s"));
        int port = FreePort();
        using HttpClient prometheus = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        AutoglmProcess server = await StartAsync();
        using DebianTool tool = DebianTool.Start(
            Package, "prometheus", $"--config.file={Configure(rules)}", $"--storage.tsdb.path={Path.Combine(_folder.FullName, "data")}", $"--web.listen-address=127.0.0.1:{port}").Silenced();
        try
        {
            await UntilAsync(async () => await ValueAsync(prometheus, "up") == 1, () => $"it is not scraped; Prometheus said: {tool.LastWords}");
            await AskAsync();
            await UntilAsync(async () => await ValueAsync(prometheus, "sum(autoglm:generation_tokens_total)") == 16, () => "the tokens of an answer are not told");
            Assert.Equal(1, await ValueAsync(prometheus, "count(autoglm:model_loaded == 1)"));
            Assert.InRange(await ValueAsync(prometheus, "histogram_quantile(0.99, autoglm:time_to_first_token_seconds_bucket)"), 1e-6, 30);
            Assert.All(await Task.WhenAll(DeployFolder.DashboardQueries().Select(query => QueryAsync(prometheus, query))), answer => Assert.Equal("success", (string)answer["status"]!));
            Assert.Empty(await FiringAsync(prometheus));
        }
        finally
        {
            server.Dispose();
        }

        await UntilAsync(async () => (await FiringAsync(prometheus)).Contains("AutoGlmDown"), () => "no alert fired");
        Assert.Equal(["AutoGlmDown"], await FiringAsync(prometheus));
    }

    string _url = "";
    string _key = "";

    /// <summary>A server with two keys: an admin's for requests and a monitor's for Prometheus.</summary>
    async Task<AutoglmProcess> StartAsync()
    {
        string keys = Path.Combine(_folder.FullName, "keys.json");
        string monitor = (await AutoglmProcess.Run("keys", "new", "prometheus", "--role", "monitor", "--file", keys)).Trim();
        _key = (await AutoglmProcess.Run("keys", "new", "ann", "--file", keys)).Trim();
        File.WriteAllText(Path.Combine(_folder.FullName, "autoglm.key"), monitor);
        AutoglmProcess server = AutoglmProcess.Start(
            "serve", SharedData.Path("models", "stories260K", "stories260K-f32.gguf"), "--served-model-name", "stories", "--port", "0", "--threads", "1", "--api-keys", keys);
        string? line = await server.ReadLine();
        Assert.True(line?.StartsWith(Listening, StringComparison.Ordinal) == true, $"instead of an address: {line ?? await server.Error}");
        _url = line![Listening.Length..^"/v1".Length];
        return server;
    }

    async Task AskAsync()
    {
        using HttpClient client = new();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        using HttpResponseMessage answer = await client.PostAsJsonAsync(
            $"{_url}/v1/completions", new JsonObject { ["model"] = "stories", ["prompt"] = "Once upon a time", ["max_tokens"] = 16, ["ignore_eos"] = true }, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    async Task<string> PageAsync(AutoglmProcess server)
    {
        _ = server;
        await AskAsync();
        using HttpClient client = new();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(Path.Combine(_folder.FullName, "autoglm.key")));
        return await client.GetStringAsync($"{_url}/metrics", TestContext.Current.CancellationToken);
    }

    /// <summary>The configuration of deploy/, quicker and with the addresses of this test.</summary>
    string Configure(string rules)
    {
        string path = Path.Combine(_folder.FullName, "prometheus.yml");
        File.WriteAllText(path, DeployFolder.Text("prometheus", "prometheus.yml")
            .Replace("15s", "1s")
            .Replace("autoglm.rules.yml", rules)
            .Replace("/etc/prometheus/autoglm.key", Path.Combine(_folder.FullName, "autoglm.key"))
            .Replace("localhost:8000", new Uri(_url).Authority));
        return path;
    }

    static async Task<JsonNode> QueryAsync(HttpClient prometheus, string query)
    {
        using HttpResponseMessage response = await prometheus.PostAsync("/api/v1/query", new FormUrlEncodedContent([new("query", query)]), TestContext.Current.CancellationToken);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
    }

    /// <summary>The value of the only series of a query; NaN where there is none yet, and while Prometheus starts.</summary>
    static async Task<double> ValueAsync(HttpClient prometheus, string query)
    {
        try
        {
            JsonArray result = (await QueryAsync(prometheus, query))["data"]!["result"]!.AsArray();
            return result.Count == 1 ? double.Parse((string)result[0]!["value"]![1]!, System.Globalization.CultureInfo.InvariantCulture) : double.NaN;
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException)
        {
            return double.NaN;
        }
    }

    static async Task<string[]> FiringAsync(HttpClient prometheus)
    {
        JsonNode alerts = JsonNode.Parse(await prometheus.GetStringAsync("/api/v1/alerts", TestContext.Current.CancellationToken))!;
        return [.. alerts["data"]!["alerts"]!.AsArray().Where(alert => (string)alert!["state"]! == "firing").Select(alert => (string)alert!["labels"]!["alertname"]!)];
    }

    static async Task UntilAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        long started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, otherwise());
            await Task.Delay(250, TestContext.Current.CancellationToken);
        }
    }

    static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
