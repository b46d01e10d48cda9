using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Attack;

namespace OpenAutoGlm.Attacks;

public class FuzzTests
{
    const int Requests = 4000;
    const int Seed = 20260;

    [Fact]
    public async Task Thousands_of_broken_and_good_requests_get_what_they_deserve_and_leave_nothing_behind()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await using AttackedServer server = await AttackedServer.StartAsync();
        using HttpClient client = new() { BaseAddress = server.Url };
        IReadOnlyList<AttackRoute> routes = AttackRoute.Read(JsonNode.Parse(await client.GetStringAsync("/openapi.json", cancellation))!, ["/admin/machine", "/admin/models"]);
        Assert.Contains(routes, route => route.Path == "/v1/messages" && route.Body is not null);
        string before = await AttackedServer.AskAsync(client, cancellation);
        RequestWriter writer = new(routes, AttackedServer.Model, server.Url.Authority, key: null, Seed);
        AttackRun run = new(new AttackPlan(server.Url.Host, server.Url.Port, Requests, 0, 16, TimeSpan.FromSeconds(30)), writer, TimeProvider.System);
        await run.RunAsync(cancellation);

        Assert.True(run.Findings.Count == 0, AttackReport.Of(run, 1, $"--seed {Seed}"));
        Assert.True(run.Counts.GetValueOrDefault(("good", "200")) > Requests / 20, "So few good requests were answered that the bodies no longer fit the routes.");
        await server.BecomesIdleAsync();
        Assert.Equal(before, await AttackedServer.AskAsync(client, cancellation));
        await server.BecomesIdleAsync();
    }

    [Fact]
    public void A_number_is_always_the_same_request()
    {
        AttackRoute route = new("POST", "/v1/{name}", JsonNode.Parse("""{"type": "object", "required": ["model"], "properties": {"model": {"type": "string"}, "n": {"type": "integer", "minimum": 1, "maximum": 128}}}"""), "application/json");
        byte[][] first = [.. Enumerable.Range(0, 500).Select(Sent)];
        Assert.Equal(first, Enumerable.Range(0, 500).Select(Sent));
        Assert.True(first.Select(Convert.ToHexString).Distinct().Count() > 300);

        byte[] Sent(int number) => [.. new RequestWriter([route], "m", "h", key: null, 3).Write(number).Pieces.SelectMany(piece => piece)];
    }

    [Theory]
    [InlineData("/v1/completions", 400, """{"error": {"message": "m", "type": "t", "param": null, "code": null}}""", null)]
    [InlineData("/v1/completions", 400, """{"error": {"message": "m", "type": "t"}}""", "another API's form")]
    [InlineData("/v1/messages", 400, """{"type": "error", "error": {"message": "m", "type": "t"}}""", null)]
    [InlineData("/api/chat", 400, """{"error": "m"}""", null)]
    [InlineData("/api/chat", 400, """{"error": {"message": "m", "type": "t", "param": null, "code": null}}""", "another API's form")]
    [InlineData("/v1/completions", 400, "", "without words")]
    [InlineData("/v1/completions", 500, """{"error": {"message": "m", "type": "t", "param": null, "code": "internal_error"}}""", "not declared")]
    [InlineData("/v1/completions", 500, """{"error": {"message": "m", "type": "t", "param": null, "code": "slow_reader"}}""", null)]
    [InlineData("/v1/completions", 200, """{"id": """, "no JSON")]
    public void The_oracle_knows_a_good_answer_from_a_bad_one(string path, int status, string body, string? fault)
    {
        AttackRequest request = new(path, "good", []) { Path = path };
        string? found = Oracle.Fault(request, AttackEnd.Answered, [new AttackAnswer(status, "application/json", System.Text.Encoding.UTF8.GetBytes(body), Closes: false)]);
        Assert.Equal(fault is null, found is null);
        Assert.Contains(fault ?? "", found ?? "");
    }

    [Fact]
    public void Silence_and_a_closed_connection_are_faults_where_an_answer_was_due()
    {
        AttackRequest request = new("", "good", []);
        Assert.NotNull(Oracle.Fault(request, AttackEnd.TimedOut, []));
        Assert.NotNull(Oracle.Fault(request, AttackEnd.Closed, []));
        Assert.Null(Oracle.Fault(request with { IsWhole = false }, AttackEnd.Closed, []));
        Assert.Null(Oracle.Fault(request with { LeaveAfter = 5 }, AttackEnd.Left, []));
    }
}
