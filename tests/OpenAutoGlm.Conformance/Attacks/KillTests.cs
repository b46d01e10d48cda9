using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli;

namespace OpenAutoGlm.Attacks;

/// <summary>The real program, killed or asked to end while it works.</summary>
public sealed class KillTests : IDisposable
{
    const string Listening = "Listening on ";
    const string Prompt = "Once upon a time there was a machine that read the words and the numbers, and it answered with the next word, and the next, and the next";

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-kill-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Killed_under_load_it_starts_again_with_whole_caches_and_the_same_answers()
    {
        await AutoglmProcess.Run("synth", "--shape", "qwen3-tiny", "--format", "Q8_0", "--output", File("model.gguf"));
        string expected;
        using (AutoglmProcess clean = Start("off"))
        {
            using HttpClient client = await ClientAsync(clean);
            expected = await AskAsync(client, Prompt);
        }

        for (int kill = 0; kill < 4; kill++)
        {
            using AutoglmProcess server = Start(File("prefixes"));
            using HttpClient client = await ClientAsync(server);
            Assert.Equal(expected, await AskAsync(client, Prompt));
            Task[] load = [.. Enumerable.Range(0, 16).Select(i => AskAsync(client, $"{Prompt} {i}", 60))];

            // Each time at another moment of the load.
            await Task.Delay(40 * kill, TestContext.Current.CancellationToken);
            server.Strike();
            await Task.WhenAll(load).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        using AutoglmProcess last = Start(File("prefixes"));
        using HttpClient again = await ClientAsync(last);
        Assert.Equal(expected, await AskAsync(again, Prompt));
        last.AskToEnd();
        Assert.Equal(0, await last.Ended());
        Assert.DoesNotContain("fail", await last.Error, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("no second tier", await last.Error, StringComparison.Ordinal);
        Assert.Empty(_folder.EnumerateFiles("*.tmp*"));
    }

    [Fact]
    public async Task Asked_to_end_under_load_it_finishes_every_stream()
    {
        await AutoglmProcess.Run("synth", "--shape", "qwen3-tiny", "--format", "Q8_0", "--output", File("model.gguf"));
        using AutoglmProcess server = Start("off");
        using HttpClient client = await ClientAsync(server);
        HttpResponseMessage[] streams = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            client.SendAsync(Request($"{Prompt} {i}", 80, stream: true), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken)));
        server.AskToEnd();
        string[] texts = await Task.WhenAll(streams.Select(stream => stream.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
        Assert.All(texts, text => Assert.EndsWith("data: [DONE]\n\n", text));
        Assert.Equal(0, await server.Ended());
    }

    string File(string name) => Path.Combine(_folder.FullName, name);

    AutoglmProcess Start(string prefixes) => prefixes == "off"
        ? AutoglmProcess.Start("serve", "--model", File("model.gguf"), "--served-model-name", "m", "--port", "0", "--max-model-len", "256", "-t", "1", "--plan-file", "off", "--prefix-cache", "off")
        : AutoglmProcess.Start("serve", "--model", File("model.gguf"), "--served-model-name", "m", "--port", "0", "--max-model-len", "256", "-t", "1", "--plan-file", File("model.autoglm-plan"), "--prefix-cache-file", prefixes, "--prefix-cache-size", "64M", "--kv-memory", "1M");

    static async Task<HttpClient> ClientAsync(AutoglmProcess server)
    {
        string? line = await server.ReadLine();
        Assert.True(line?.StartsWith(Listening, StringComparison.Ordinal) == true, $"instead of an address: {line ?? await server.Error}");
        return new HttpClient { BaseAddress = new Uri(line![Listening.Length..].Replace("/v1", "", StringComparison.Ordinal)) };
    }

    static HttpRequestMessage Request(string prompt, int tokens, bool stream) => new(HttpMethod.Post, "/v1/completions")
    {
        Content = new StringContent(
            new JsonObject { ["model"] = "m", ["prompt"] = prompt, ["max_tokens"] = tokens, ["temperature"] = 0, ["ignore_eos"] = true, ["stream"] = stream }.ToJsonString(), Encoding.UTF8, "application/json"),
    };

    static async Task<string> AskAsync(HttpClient client, string prompt, int tokens = 16)
    {
        using HttpRequestMessage request = Request(prompt, tokens, stream: false);
        using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!["choices"]!.ToJsonString();
    }
}
