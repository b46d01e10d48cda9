using System.Net;
using System.Text.Json.Nodes;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Server.Models;

public sealed class ModelRoutesTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly FakeMachine _machine = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_request_loads_its_model_and_the_list_tells_states()
    {
        await using TestServer server = await StartAsync();
        JsonNode list = await server.Client.GetAsync("/v1/models", Cancellation).JsonAsync();
        Assert.Equal(["a unloaded", "first unloaded", "org/b unloaded"], list["data"]!.AsArray().Select(entry => $"{entry!["id"]} {entry["status"]}"));
        Assert.Null(list["data"]![0]!["max_model_len"]);
        JsonNode answer = await Ask(server, "first").JsonAsync();
        Assert.Equal(("a", "a#1"), ((string)answer["model"]!, (string)answer["choices"]![0]!["text"]!));
        JsonNode entry = await server.Client.GetAsync("/v1/models/a", Cancellation).JsonAsync();
        Assert.Equal(("loaded", 64), ((string)entry["status"]!, (int)entry["max_model_len"]!));
    }

    [Fact]
    public async Task An_operator_sees_loads_unloads_and_swaps()
    {
        Directory.CreateDirectory(_folder.File("models"));
        await File.WriteAllTextAsync(_folder.File("models/v2.gguf"), "", Cancellation);
        await using TestServer server = await StartAsync();
        JsonNode loaded = await Order(server, "org/b", "load").JsonAsync();
        Assert.Equal(("org/b", "loaded", 10, 1), ((string)loaded["id"]!, (string)loaded["status"]!, (int)loaded["memory_bytes"]!, (int)loaded["loads"]!));
        Assert.Equal("loaded", (string)(await server.Client.GetAsync("/admin/models/org%2Fb", Cancellation).JsonAsync())["status"]!);
        JsonNode swapped = await Order(server, "org%2Fb", "swap", """{"path": "v2.gguf"}""").JsonAsync();
        Assert.Equal((_folder.File("models/v2.gguf"), "loaded"), ((string)swapped["source"]!, (string)swapped["status"]!));
        Assert.Equal($"{_folder.File("models/v2.gguf")}#1", (string)(await Ask(server, "org/b").JsonAsync())["choices"]![0]!["text"]!);
        Assert.Equal("unloaded", (string)(await Order(server, "org/b", "unload").JsonAsync())["status"]!);
        JsonNode all = await server.Client.GetAsync("/admin/models", Cancellation).JsonAsync();
        Assert.Equal("""{"limit_bytes":100,"used_bytes":0}""", all["memory"]!.ToJsonString());
        Assert.Equal(600, (double)all["idle_unload_seconds"]!);
        Assert.Equal(
            ["id", "aliases", "status", "source", "pinned", "can_unload", "can_swap", "max_model_len", "memory_bytes", "needed_bytes", "running", "waiting", "draining",
                "created", "last_used", "loaded_at", "load_seconds", "loads", "progress", "error"],
            all["models"]![1]!.AsObject().Select(field => field.Key));
    }

    [Fact]
    public async Task An_order_need_not_be_waited_for()
    {
        await using TestServer server = await StartAsync(new FakeLoader(_machine, "slow", 10));
        HttpResponseMessage accepted = await Order(server, "slow", "load", """{"wait": false}""");
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        JsonNode entry = await accepted.JsonAsync();
        Assert.Equal(("loading", "looking"), ((string)entry["status"]!, (string)entry["progress"]!["stage"]!));
        Task<HttpResponseMessage> waiting = Ask(server, "slow");
        await TestServer.UntilAsync(() => Status(server, "slow")["waiting"]!.GetValue<int>() == 1);
        _machine.Call("slow", isLoad: false).Finish();
        Assert.Equal("weights 0.5", Status(server, "slow")["progress"] is { } progress ? $"{progress["stage"]} {progress["fraction"]}" : "");
        _machine.Call("slow", isLoad: true).Finish();
        await waiting.JsonAsync();
    }

    [Fact]
    public async Task A_fault_is_told_to_clients_in_kind_and_to_operators_in_full()
    {
        FakeLoader broken = new(_machine, "broken", 10) { IsInstant = true, Fault = new FileNotFoundException("/secret/broken.gguf is gone") };
        await using TestServer server = await StartAsync(broken);
        HttpResponseMessage response = await Ask(server, "broken");
        Assert.Equal("1", response.Headers.GetValues("Retry-After").Single());
        JsonNode error = await Task.FromResult(response).ErrorAsync(503);
        Assert.Equal(("model_failed", "The model 'broken' could not be loaded: its files are missing or cannot be read."), ((string)error["code"]!, (string)error["message"]!));
        Assert.Contains("/secret/broken.gguf is gone", (string)(await Order(server, "broken", "load").ErrorAsync(503))["message"]!, StringComparison.Ordinal);
        Assert.Equal("/secret/broken.gguf is gone", (string)Status(server, "broken")["error"]!["message"]!);
        Assert.Equal("failed", (string)(await server.Client.GetAsync("/v1/models/broken", Cancellation).JsonAsync())["status"]!);
    }

    [Theory]
    [InlineData("""{"path": "../outside.gguf"}""", 403, "path_not_allowed")]
    [InlineData("""{"path": "/etc/passwd"}""", 403, "path_not_allowed")]
    [InlineData("""{"path": "link.gguf"}""", 403, "path_not_allowed")]
    [InlineData("""{"path": "linked/outside.gguf"}""", 403, "path_not_allowed")]
    [InlineData("""{"path": "."}""", 403, "path_not_allowed")]
    [InlineData("""{"path": "missing.gguf"}""", 403, "path_not_allowed")]
    [InlineData("""{"path": ""}""", 400, "invalid_value")]
    [InlineData("""{"path": 1}""", 400, "invalid_type")]
    [InlineData("""{"wait": true}""", 400, "missing_required_parameter")]
    [InlineData("""{"path": "x", "force": true}""", 400, "unknown_parameter")]
    [InlineData("", 415, "unsupported_media_type")]
    public async Task A_swap_takes_models_from_the_given_folders_only(string body, int status, string code)
    {
        Directory.CreateDirectory(_folder.File("models"));
        Directory.CreateDirectory(_folder.File("elsewhere"));
        await File.WriteAllTextAsync(_folder.File("outside.gguf"), "", Cancellation);
        await File.WriteAllTextAsync(_folder.File("elsewhere/outside.gguf"), "", Cancellation);
        File.CreateSymbolicLink(_folder.File("models/link.gguf"), _folder.File("outside.gguf"));
        File.CreateSymbolicLink(_folder.File("models/linked"), _folder.File("elsewhere"));
        await using TestServer server = await StartAsync();
        Assert.Equal(code, (string)(await Order(server, "a", "swap", body).ErrorAsync(status))["code"]!);
        Assert.Equal("a", (string)Status(server, "a")["source"]!);
    }

    [Theory]
    [InlineData("models")]
    [InlineData("also")]
    public void A_folder_may_be_named_by_a_link_to_it(string folder)
    {
        Directory.CreateDirectory(_folder.File("models"));
        _folder.Write("models/v2.gguf", "");
        Directory.CreateSymbolicLink(_folder.File("also"), _folder.File("models"));
        SwapFolders folders = new([_folder.File("also")]);
        Assert.Equal(_folder.File("models/v2.gguf"), folders.Resolve(_folder.File(folder, "v2.gguf")));
        Assert.Equal(_folder.File("models/v2.gguf"), folders.Resolve("v2.gguf"));
    }

    [Fact]
    public async Task Orders_that_make_no_sense_are_refused()
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.Equal("model_is_fixed", (string)(await Order(server, "tiny", "unload").ErrorAsync(409))["code"]!);
        Assert.Equal("model_not_found", (string)(await Order(server, "none", "load").ErrorAsync(404))["code"]!);
        Assert.Equal("unknown_parameter", (string)(await Order(server, "tiny", "load", """{"path": "x"}""").ErrorAsync(400))["code"]!);
        Assert.Equal("path_not_allowed", (string)(await Order(server, "tiny", "swap", """{"path": "x"}""").ErrorAsync(403))["code"]!);
        Assert.Equal("loaded", (string)(await Order(server, "org/tiny", "load").JsonAsync())["status"]!);
    }

    [Fact]
    public async Task Models_that_are_loaded_at_the_start_are_there_and_their_faults_are_the_callers()
    {
        FakeLoader broken = new(_machine, "broken", 10) { IsInstant = true, Fault = new NotSupportedException("no such thing") };
        await using AutoGlmServer server = new(
            new ServerOptions { Port = 0 }, [new ModelOnDemand("a", new FakeLoader(_machine, "a", 10) { IsInstant = true }), new ModelOnDemand("broken", broken)]);
        await server.LoadAsync("a", Cancellation);
        Assert.Single(_machine.Models);
        await Assert.ThrowsAsync<NotSupportedException>(() => server.LoadAsync("broken", Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => server.LoadAsync("other", Cancellation));
        await server.DisposeAsync();
        Assert.Equal(1, _machine.Models[0].Disposals);
    }

    async Task<TestServer> StartAsync(FakeLoader? more = null)
    {
        ModelOnDemand[] models =
        [
            new("a", new FakeLoader(_machine, "a", 10) { IsInstant = true }) { Aliases = ["first"] },
            new("org/b", new FakeLoader(_machine, "b", 10) { IsInstant = true }),
        ];
        string folder = _folder.File("models");
        ModelLimits limits = new() { MemoryBytes = 100, IdleUnload = TimeSpan.FromMinutes(10), SwapFolders = Directory.Exists(folder) ? [folder] : [] };
        return await TestServer.StartAsync(new ServerOptions { Models = limits }, more is null ? models : [.. models, new(more.Source, more)]);
    }

    static Task<HttpResponseMessage> Ask(TestServer server, string model) => server.PostAsync("/v1/completions", $$"""{"model": "{{model}}", "prompt": "Hi"}""");

    static Task<HttpResponseMessage> Order(TestServer server, string model, string order, string? body = null) => body is null
        ? server.Client.PostAsync($"/admin/models/{model}/{order}", null, Cancellation)
        : server.PostAsync($"/admin/models/{model}/{order}", System.Text.Encoding.UTF8.GetBytes(body), body.Length == 0 ? null : "application/json");

    static JsonNode Status(TestServer server, string model) => server.Client.GetAsync($"/admin/models/{model}", Cancellation).JsonAsync().GetAwaiter().GetResult();
}
