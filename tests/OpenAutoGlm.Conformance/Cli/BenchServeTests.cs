using System.Text.Json;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli;

/// <summary>The load generator against the server, each a process of its own, with prompts and traces that nobody here wrote.</summary>
public sealed class BenchServeTests : IDisposable
{
    const string Listening = "Listening on ";

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-load-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Our_server_serves_a_sweep_a_trace_and_conversations()
    {
        string azure = SharedData.Path("traces", "azure", "AzureLLMInferenceTrace_conv.csv");
        string mooncake = SharedData.Path("traces", "mooncake", "conversation_trace.jsonl");
        string talk = SharedData.Path("traces", "conversations", "synthetic_conversations_1k.jsonl");
        using AutoglmProcess server = AutoglmProcess.Start("serve", SharedData.Path("models", "stories260K", "stories260K-f32.gguf"), "--served-model-name", "stories", "--port", "0", "--threads", "1");
        string line = await server.ReadLine() ?? "";
        Assert.StartsWith(Listening, line);
        string url = line[Listening.Length..];

        JsonElement sweep = await Bench(url, "--concurrency", "1,4", "-n", "12", "--prompt-tokens", "10-60", "--output-tokens", "16");
        Assert.Equal("stories", sweep.GetProperty("targets")[0].GetProperty("model").GetString());
        Assert.All(Results(sweep), result =>
        {
            Assert.Equal((12, 0, 192), (result.GetProperty("finished").GetInt32(), result.GetProperty("failed").GetInt32(), result.GetProperty("outputTokens").GetInt32()));
            Assert.Equal(result.GetProperty("plannedInputTokens").GetInt32(), result.GetProperty("inputTokens").GetInt32());
            Assert.Equal(0, result.GetProperty("shortAnswers").GetInt32());
        });

        foreach (string trace in (string[])[azure, mooncake])
        {
            JsonElement replay = await Bench(url, "--trace", trace, "--limit", "12", "--max-prompt-cap", "300", "--max-tokens-cap", "12", "--time-scale", "0.02");
            Assert.Equal(12, Results(replay)[0].GetProperty("finished").GetInt32());
        }

        string records = Path.Combine(_folder.FullName, "records.jsonl");
        await Bench(url, "--prompt-tokens", "20", "--output-tokens", "8", "-n", "5", "--records", records);
        Trace recorded = TraceReader.Read(records);
        Assert.Equal((5, 100, 40), (recorded.Requests.Length, recorded.PromptTokens, recorded.OutputTokens));

        // The model has no chat template, and the server says so: every conversation fails with that reason.
        string[] failing = ["bench", "serve", "--url", url, "--prompts", talk, "-n", "3", "--output-tokens", "8"];
        using AutoglmProcess refused = AutoglmProcess.Start(failing);
        Assert.Equal(1, await refused.Ended());
        Assert.Contains("3 × http-error: 400", await refused.Error);
    }

    static JsonElement[] Results(JsonElement report) => [.. report.GetProperty("results").EnumerateArray()];

    static async Task<JsonElement> Bench(string url, params string[] arguments) =>
        JsonDocument.Parse(await AutoglmProcess.Run(["bench", "serve", "--url", url, "--json", .. arguments])).RootElement;
}
