using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Server;

/// <summary>Two published models behind one server under load, while an operator unloads and exchanges them.</summary>
public class SeveralModelsTests
{
    const int Clients = 4;
    const int MaxTokens = 20;

    static readonly string[] Prompts = ["Once upon a time", "The dog", "Lily", "One day"];

    static readonly AutoInferenceOptions Options = new()
    {
        Cpu = new CpuOptions { Threads = 1, PinThreads = false },
        Plan = PlanPlace.Nowhere,
        TuningBudget = TimeSpan.Zero,
        Engine = new EngineOptions { KvMemoryBytes = 4 << 20 },
    };

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    static string Stories => SharedData.Path("models", "stories260K", "stories260K-f32.gguf");

    static string Baby => SharedData.Path("models", "babyllama105", "babyllama105-f32.gguf");

    [Theory]
    [InlineData(100)]
    [InlineData(9)]
    public async Task Whatever_the_operator_does_every_answer_is_that_of_the_model_alone(int mebibytes)
    {
        Dictionary<(string File, string Prompt), string> alone = await AloneAsync();
        ModelLimits limits = new()
        {
            MemoryBytes = (long)mebibytes << 20,
            BusyPatience = TimeSpan.FromMilliseconds(20),
            SwapFolders = [SharedData.Path("models")],
        };
        await using AutoGlmServer server = new(
            new ServerOptions { Port = 0, Models = limits },
            [new ModelOnDemand("stories", new PretrainedLoader(Stories, Options, limits.MemoryBytes)), new ModelOnDemand("other", new PretrainedLoader(Baby, Options, limits.MemoryBytes))]);
        await server.StartAsync(Cancellation);
        using HttpClient client = new() { BaseAddress = new Uri(server.Urls.Single()) };
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);

        // What "stories" may be answered by, as seen by a request that begins now: exactly one but while a swap is under way.
        string[] versions = [Stories];
        ConcurrentBag<string> seen = [];
        Task[] clients = [.. Enumerable.Range(0, Clients).Select(async number =>
        {
            Random random = new(number);
            while (!enough.IsCancellationRequested)
            {
                string model = random.Next(2) == 0 ? "stories" : "other";
                string prompt = Prompts[random.Next(Prompts.Length)];
                string[] before = Volatile.Read(ref versions);
                string answer = await AskAsync(client, model, prompt, stream: random.Next(2) == 0);
                string[] files = model == "other" ? [Baby] : [.. before, .. Volatile.Read(ref versions)];
                Assert.Contains(answer, files.Select(file => alone[(file, prompt)]));
                seen.Add(model);
            }
        })];

        // Three rounds are a load only where the machine answers enough in them: a slow one goes on until it has.
        for (int round = 0; round < 3 || (round < 30 && !IsLoad()); round++)
        {
            await OrderAsync(client, "other", "unload", null);
            await OrderAsync(client, "stories", "load", null);
            await SwapAsync(Baby);
            await OrderAsync(client, "stories", "unload", null);
            await SwapAsync(Stories);
        }

        await enough.CancelAsync();
        await Task.WhenAll(clients);
        Assert.True(IsLoad(), $"Only {seen.Count} requests were no load.");
        JsonNode all = (await client.GetFromJsonAsync<JsonNode>("/admin/models", Cancellation))!;
        Assert.InRange((long)all["memory"]!["used_bytes"]!, 1, limits.MemoryBytes.Value);
        Assert.All(all["models"]!.AsArray(), model => Assert.Equal((0, 0), ((int)model!["running"]!, (int)model["waiting"]!)));
        TestContext.Current.SendDiagnosticMessage($"{seen.Count} answers, {all["models"]![0]!["loads"]} and {all["models"]![1]!["loads"]} loads");

        bool IsLoad() => seen.Count > 20 && seen.Distinct().Count() == 2;

        async Task SwapAsync(string file)
        {
            string[] old = Volatile.Read(ref versions);
            Volatile.Write(ref versions, [.. old, file]);
            await OrderAsync(client, "stories", "swap", new JsonObject { ["path"] = file });
            Volatile.Write(ref versions, [file]);
        }
    }

    /// <summary>What each model writes when it has a process's memory to itself.</summary>
    static async Task<Dictionary<(string File, string Prompt), string>> AloneAsync()
    {
        Dictionary<(string, string), string> answers = [];
        foreach (string file in new[] { Stories, Baby })
        {
            await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync(file, Options, cancellation: Cancellation);
            foreach (string prompt in Prompts)
            {
                answers[(file, prompt)] = await engine.GenerateAsync(prompt, SamplingOptions.Greedy, MaxTokens, Cancellation);
            }
        }

        // Two models that say the same would prove nothing.
        Assert.All(Prompts, prompt => Assert.NotEqual(answers[(Stories, prompt)], answers[(Baby, prompt)]));
        return answers;
    }

    static async Task<string> AskAsync(HttpClient client, string model, string prompt, bool stream)
    {
        JsonObject body = new() { ["model"] = model, ["prompt"] = prompt, ["max_tokens"] = MaxTokens, ["temperature"] = 0, ["stream"] = stream };
        while (true)
        {
            using HttpResponseMessage response = await client.PostAsJsonAsync("/v1/completions", body, Cancellation);
            string text = await response.Content.ReadAsStringAsync(Cancellation);

            // An operator who unloads a model that is just being loaded sends those who wait for it away, with the word to come again.
            if (response.StatusCode == HttpStatusCode.ServiceUnavailable && text.Contains("model_unloaded", StringComparison.Ordinal))
            {
                continue;
            }

            Assert.True(response.IsSuccessStatusCode, text);
            return stream
                ? string.Concat(text.Split("\n\n").Where(part => part.StartsWith("data: {", StringComparison.Ordinal)).Select(part => (string?)JsonNode.Parse(part[6..])!["choices"]?[0]?["text"]))
                : (string)JsonNode.Parse(text)!["choices"]![0]!["text"]!;
        }
    }

    static async Task OrderAsync(HttpClient client, string model, string order, JsonObject? body)
    {
        while (true)
        {
            using HttpResponseMessage response = body is null
                ? await client.PostAsync($"/admin/models/{model}/{order}", null, Cancellation)
                : await client.PostAsJsonAsync($"/admin/models/{model}/{order}", body, Cancellation);
            if (response.StatusCode != HttpStatusCode.Conflict)
            {
                Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
                return;
            }

            await Task.Delay(10, Cancellation);
        }
    }
}
