using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OpenAutoGlm.Cli;

/// <summary>The real program as a process of its own, as somebody else's script would start it.</summary>
sealed partial class AutoglmProcess : IDisposable
{
    const int Interrupt = 2;
    const int Terminate = 15;

    readonly Process _process;
    readonly Task<string> _error;

    AutoglmProcess(Process process)
    {
        _process = process;
        _error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts a command.</summary>
    public static AutoglmProcess Start(params string[] arguments)
    {
        // Whoever runs the tests in the background has them ignore Ctrl-C, and a child inherits that unless told otherwise.
        ProcessStartInfo start = new("env", ["--default-signal=INT", "dotnet"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "autoglm.dll"));
        Array.ForEach(arguments, start.ArgumentList.Add);
        return new AutoglmProcess(Process.Start(start)!);
    }

    /// <summary>Runs a command to its end, which must be a good one; its standard output.</summary>
    public static async Task<string> Run(params string[] arguments)
    {
        using AutoglmProcess process = Start(arguments);
        string output = await process._process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        int code = await process.Ended();
        Assert.True(code == 0, $"autoglm {string.Join(' ', arguments)} ended with {code}: {await process._error}");
        return output;
    }

    /// <summary>The next line of standard output.</summary>
    public async Task<string?> ReadLine() => await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

    /// <summary>All of standard error, after the end.</summary>
    public Task<string> Error => _error;

    /// <summary>Presses Ctrl-C.</summary>
    public void PressControlC() => Assert.Equal(0, Kill(_process.Id, Interrupt));

    /// <summary>Asks politely for the end, as service managers do.</summary>
    public void AskToEnd() => Assert.Equal(0, Kill(_process.Id, Terminate));

    /// <summary>Ends it in the middle of whatever it does, as kill -9 and the lack of memory do.</summary>
    public void Strike() => _process.Kill();

    /// <summary>The exit code, within a minute.</summary>
    public async Task<int> Ended()
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
