using System.Text.Json.Nodes;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Clients;

/// <summary>A small published model behind a real server. It was never taught to chat: its template only strings messages together.</summary>
sealed class StoriesServer : IAsyncDisposable
{
    /// <summary>The comment tells the server how calls of tools are written; the model has never seen one, but can be made to.</summary>
    const string Template = """{{ bos_token }}{% for message in messages %}{{ message.content }}{% endfor %}{# <tool_call>{"name": …, "arguments": …}</tool_call> #}""";

    readonly ModelPackage _package;
    readonly CpuBackend _backend;
    readonly AutoGlmServer _server;

    StoriesServer()
    {
        _package = ModelPackage.Open(SharedData.Path("models", "stories260K", "stories260K-f32.gguf"));
        _backend = new CpuBackend(new CpuOptions { Threads = 1 });
        Engine = new InferenceEngine(_package.Config, _package.Weights, _backend);
        ChatTemplate template = ChatTemplate.Parse(Template);
        TextGenerator generator = new(Engine, _package.Tokenizer!, template, _package.Generation.EosIds);
        _server = new AutoGlmServer(new ServerOptions { Port = 0 }, new ServedModel("stories260K", generator));
    }

    public InferenceEngine Engine { get; }

    public Uri BaseUrl => new(_server.Urls.Single() + "/v1");

    public string RootUrl => _server.Urls.Single();

    public static async Task<StoriesServer> StartAsync()
    {
        StoriesServer server = new();
        await server._server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>What the reference implementation writes greedily after nothing but the mark that begins a text.</summary>
    public string ReferenceText()
    {
        JsonNode golden = JsonNode.Parse(File.ReadAllText(SharedData.Path("models", "stories260K", "golden.json")))!;
        return _package.Tokenizer!.Decode([.. golden["greedy_ids"]!.AsArray().Select(id => (int)id!)]);
    }

    /// <summary>Waits until nothing runs and no block is held; fails after ten seconds.</summary>
    public async Task BecomesIdleAsync()
    {
        for (int tries = 0; Engine.Statistics is not { RunningSequences: 0, WaitingSequences: 0, UsedKvBlocks: 0 }; tries++)
        {
            Assert.True(tries < 1000, $"The engine still holds something: {Engine.Statistics}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Engine.Dispose();
        _backend.Dispose();
        _package.Dispose();
    }
}
