using System.Diagnostics;

namespace OpenAutoGlm.Samples;

/// <summary>A sample or script as a process of its own, with a cache that is gone afterwards.</summary>
sealed class SampleProcess : IDisposable
{
    readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("autoglm-sample-");
    readonly Process _process;
    readonly Task<string> _error;

    SampleProcess(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["AUTOGLM_CACHE"] = _cache.FullName;
        _process = Process.Start(start)!;
        _error = _process.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    public static string Root => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));

    public StreamWriter Input => _process.StandardInput;

    public int Id => _process.Id;

    public static SampleProcess Of(string sample, params string[] arguments) =>
        new("dotnet", [Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", sample, "release", $"{sample}.dll")), .. arguments]);

    public static SampleProcess OfScript(string script, params string[] arguments) => new("bash", [Path.Combine(Root, script), .. arguments]);

    /// <summary>The first line of standard output that has a text.</summary>
    public async Task<string> LineWithAsync(string text)
    {
        while (await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new Xunit.Sdk.XunitException($"It ended without a line with '{text}': {await _error}");
    }

    /// <summary>Exit code, standard output and standard error, within a minute.</summary>
    public async Task<(int Code, string Output, string Error)> EndAsync()
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        string output = await _process.StandardOutput.ReadToEndAsync(patience.Token);
        await _process.WaitForExitAsync(patience.Token);
        return (_process.ExitCode, output, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _cache.Delete(recursive: true);
    }
}
