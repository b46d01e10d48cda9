using System.Diagnostics;
using System.Globalization;
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
        DirectoryInfo folder = Directory.CreateTempSubdirectory("autoglm-locust-");
        ProcessStartInfo start = new("locust", ["-f", file, "--headless", "--users", "8", "--spawn-rate", "8", "--run-time", "4s", "--host", server.Url.ToString().TrimEnd('/'), "--csv", Path.Combine(folder.FullName, "load"), "--only-summary"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process locust = Process.Start(start)!;
        Task<string> errors = locust.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await locust.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await locust.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(locust.ExitCode == 0, output + await errors);
        string[][] rows = [.. (await File.ReadAllLinesAsync(Path.Combine(folder.FullName, "load_stats.csv"), TestContext.Current.CancellationToken)).Select(line => line.Split(','))];
        Assert.Equal(["Request Count", "Failure Count"], rows[0][2..4]);
        string[] all = Assert.Single(rows, row => row[1] == "Aggregated");
        Assert.Equal("0", all[3]);
        Assert.True(int.Parse(all[2], CultureInfo.InvariantCulture) > 20, output);
        folder.Delete(recursive: true);
        await server.BecomesIdleAsync();
    }
}
