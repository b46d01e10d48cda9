using System.Diagnostics;
using System.Text.Json.Nodes;
using OpenAutoGlm.Attacks;

namespace OpenAutoGlm.Clients;

/// <summary>A load tester that people know, with a file of a page: everything it asks is answered as it expects.</summary>
public class LocustTests
{
    [Fact]
    public async Task Locust_loads_a_server_without_one_failure()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        string file = Path.Combine(Samples.SampleProcess.Root, "tests", "OpenAutoGlm.Conformance", "Clients", "locustfile.py");
        ProcessStartInfo start = new("locust", ["-f", file, "--headless", "--users", "8", "--spawn-rate", "8", "--run-time", "4s", "--host", server.Url.ToString().TrimEnd('/'), "--json", "--only-summary"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process locust = Process.Start(start)!;
        Task<string> errors = locust.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await locust.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await locust.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(locust.ExitCode == 0, output + await errors);
        JsonNode summary = JsonNode.Parse(output[output.IndexOf('[')..])!;
        JsonNode route = Assert.Single(summary.AsArray())!;
        Assert.Equal(0, (int)route["num_failures"]!);
        Assert.True((int)route["num_requests"]! > 20, output);
        await server.BecomesIdleAsync();
    }
}
