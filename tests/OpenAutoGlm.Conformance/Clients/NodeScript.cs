using System.Diagnostics;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Clients;

/// <summary>Runs the JavaScript programs beside this file.</summary>
static class NodeScript
{
    /// <summary>Runs one and reads the line of JSON that it prints.</summary>
    public static async Task<JsonNode> RunAsync(string script, params string[] arguments)
    {
        string folder = Path.Combine(Root(), "tests", "OpenAutoGlm.Conformance", "Clients");
        Assert.True(Directory.Exists(Path.Combine(folder, "node_modules", "ollama")), "The clients are not installed: run npm install --prefix tests/OpenAutoGlm.Conformance/Clients");
        ProcessStartInfo start = new("node", [script, .. arguments]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LANGCHAIN_TRACING_V2"] = "false";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }

        Assert.True(process.ExitCode == 0, await errors);
        return JsonNode.Parse(await output)!;
    }

    static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OpenAutoGlm.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("OpenAutoGlm.slnx was not found above the tests.");
    }
}
