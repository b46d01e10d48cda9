using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server.Admin;

public class StatusRouteTests
{
    [Fact]
    public async Task The_status_has_server_machine_models_requests_and_history()
    {
        MachineFacts machine = new() { Processor = "Test 9000", Architecture = "X64", Cores = 8, UsableCores = 2.5, InstructionSet = "Avx512", Extensions = ["avx512_vnni"], MemoryBytes = 1 << 30 };
        await using TinyServer tiny = await TinyServer.StartAsync(server: new ServerOptions { Machine = machine });
        await tiny.Test.CompleteAsync(""", "max_tokens": 9, "ignore_eos": true""").JsonAsync();
        JsonNode status = await GetAsync(tiny.Test, "/admin/status");
        Assert.Equal(["server", "machine", "models", "requests", "history"], status.AsObject().Select(field => field.Key));
        Assert.Equal("ready", (string)status["server"]!["state"]!);
        Assert.Equal(("Test 9000", 2.5, "avx512_vnni"), ((string)status["machine"]!["facts"]!["processor"]!, (double)status["machine"]!["facts"]!["usable_cores"]!, (string)status["machine"]!["facts"]!["extensions"]![0]!));
        Assert.False((bool)status["machine"]!["can_measure"]!);
        JsonNode model = status["models"]![0]!;
        Assert.Equal(("tiny", tiny.Engine.ContextLength), ((string)model["id"]!, (int)model["context_length"]!));
        JsonNode engine = model["engine"]!;
        Assert.Equal((9, 0, 0), ((int)engine["written_tokens"]!, (int)engine["running"]!, (int)engine["waiting"]!));
        double phases = engine["phases"]!.AsObject().Sum(phase => (double)phase.Value!);
        Assert.True((double)engine["phases"]!["run"]! > 0 && phases < (double)status["server"]!["uptime_seconds"]!, engine.ToJsonString());
        JsonNode first = model["recent"]!["time_to_first_token"]!;
        Assert.Equal(1, (int)first["count"]!);
        Assert.True((double)first["p99"]! >= (double)first["p50"]!, first.ToJsonString());
    }

    [Fact]
    public async Task A_model_without_an_engine_has_no_engine_and_no_percentiles()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode model = (await GetAsync(server, "/admin/status"))["models"]![0]!;
        Assert.Null(model["engine"]);
        Assert.Null(model["recent"]!["time_to_first_token"]);
        Assert.Null(model["recent"]!["prefix_hit_rate"]);
    }

    [Fact]
    public async Task The_history_has_a_point_a_second_and_tells_what_is_new()
    {
        HandClock clock = new();
        await using TinyServer tiny = await TinyServer.StartAsync(server: new ServerOptions { TimeProvider = clock });
        await tiny.Test.CompleteAsync(""", "max_tokens": 9, "ignore_eos": true""").JsonAsync();
        clock.Advance(2);
        JsonNode history = (await GetAsync(tiny.Test, "/admin/status"))["history"]!;
        Assert.Equal(2, (int)history["last"]!);
        Assert.Equal([9, 0], history["points"]!.AsArray().Select(point => (double)point!["written"]!));
        Assert.True((double)history["points"]![0]!["read"]! > 0);
        clock.Advance(History.Length);
        Assert.Equal(History.Length, await PointsAsync(0));
        Assert.Equal(1, await PointsAsync(History.Length + 1));
        Assert.Equal(0, await PointsAsync(History.Length + 2));
        Assert.Equal(History.Length, await PointsAsync(1_000_000));
        JsonNode error = await tiny.Test.Client.GetAsync("/admin/status?after=x", TestContext.Current.CancellationToken).ErrorAsync(400);
        Assert.Equal("after", (string)error["param"]!);

        async Task<int> PointsAsync(long after) => (await GetAsync(tiny.Test, $"/admin/status?after={after}"))["history"]!["points"]!.AsArray().Count;
    }

    [Fact]
    public async Task The_machine_is_measured_when_asked_and_remembers_it()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MeasureMachine = () => new MachineLimits(5e10, 1e11, 4e11) });
        Assert.True((bool)(await GetAsync(server, "/admin/status"))["machine"]!["can_measure"]!);
        HttpResponseMessage measured = await server.Client.PostAsync("/admin/machine/measure", null, TestContext.Current.CancellationToken);
        Assert.Equal(5e10, (double)(await measured.JsonAsync())["read_bytes_per_second"]!);
        Assert.Equal(4e11, (double)(await GetAsync(server, "/admin/status"))["machine"]!["limits"]!["byte_operations_per_second"]!);
    }

    [Fact]
    public async Task A_machine_that_cannot_be_measured_has_no_such_address()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.Client.PostAsync("/admin/machine/measure", null, TestContext.Current.CancellationToken).ErrorAsync(404);
    }

    static Task<JsonNode> GetAsync(TestServer server, string address) => server.Client.GetAsync(address, TestContext.Current.CancellationToken).JsonAsync();
}
