using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli;

public class ServeTests
{
    const string Listening = "Listening on ";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_signal_lets_the_server_end_well(bool controlC)
    {
        using AutoglmProcess server = AutoglmProcess.Start("serve", SharedData.Path("models", "stories260K", "stories260K-f32.gguf"), "--served-model-name", "stories", "--port", "0");
        string url = await Url(server);
        using HttpClient client = new();
        JsonNode models = (await client.GetFromJsonAsync<JsonNode>($"{url}/models", TestContext.Current.CancellationToken))!;
        Assert.Equal("stories", models["data"]![0]!["id"]!.GetValue<string>());

        if (controlC)
        {
            server.PressControlC();
        }
        else
        {
            server.AskToEnd();
        }

        int code = await server.Ended();
        Assert.True(code == 0, $"exit code {code}: {await server.Error}");
        Assert.EndsWith("Stopped.\n", await server.Error);
    }

    [Fact]
    public async Task An_answer_that_runs_is_finished_before_the_server_ends()
    {
        using AutoglmProcess server = AutoglmProcess.Start("serve", SharedData.Path("models", "stories260K", "stories260K-f32.gguf"), "--served-model-name", "stories", "--port", "0");
        string url = await Url(server);
        using HttpClient client = new();
        using HttpRequestMessage request = new(HttpMethod.Post, $"{url}/completions")
        {
            Content = JsonContent.Create(new JsonObject { ["model"] = "stories", ["prompt"] = "Once upon a time", ["max_tokens"] = 200, ["temperature"] = 0, ["stream"] = true }),
        };
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        server.PressControlC();
        string stream = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("data: [DONE]", stream);
        Assert.Equal(0, await server.Ended());
    }

    [Fact]
    public async Task Without_a_model_the_built_in_one_answers()
    {
        using AutoglmProcess server = AutoglmProcess.Start("serve", "--port", "0");
        string url = await Url(server);
        using HttpClient client = new();
        JsonNode models = (await client.GetFromJsonAsync<JsonNode>($"{url}/models", TestContext.Current.CancellationToken))!;
        Assert.Equal(BuiltInModel.Name, models["data"]![0]!["id"]!.GetValue<string>());
        JsonObject question = new() { ["model"] = BuiltInModel.Name, ["temperature"] = 0, ["messages"] = new JsonArray { new JsonObject { ["role"] = "user", ["content"] = "Who are you?" } } };
        using HttpResponseMessage response = await client.PostAsJsonAsync($"{url}/chat/completions", question, TestContext.Current.CancellationToken);
        JsonNode answer = (await response.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken))!;
        Assert.Contains(BuiltInModel.Name, (string?)answer["choices"]![0]!["message"]!["content"], StringComparison.Ordinal);
    }

    static async Task<string> Url(AutoglmProcess server)
    {
        string? line = await server.ReadLine();
        Assert.True(line?.StartsWith(Listening, StringComparison.Ordinal) == true, $"instead of an address: {line ?? await server.Error}");
        return line![Listening.Length..];
    }
}
