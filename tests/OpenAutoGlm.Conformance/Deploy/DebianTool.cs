using System.Diagnostics;

namespace OpenAutoGlm.Deploy;

/// <summary>A program of Debian's, as a child process. Where it is missing the test fails and says what to install.</summary>
sealed class DebianTool : IDisposable
{
    readonly Process _process;

    DebianTool(Process process) => _process = process;

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, string Output)> RunAsync(string package, string input, string program, params string[] arguments)
    {
        using DebianTool tool = Start(package, program, arguments);
        Task<string> output = tool._process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = tool._process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tool._process.StandardInput.WriteAsync(input);
        tool._process.StandardInput.Close();
        await tool._process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (tool._process.ExitCode, await output + await error);
    }

    /// <summary>Starts a program that runs until it is disposed.</summary>
    public static DebianTool Start(string package, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            return new DebianTool(Process.Start(start)!);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new Xunit.Sdk.XunitException($"{program} is missing: apt-get install {package}");
        }
    }

    /// <summary>Reads what it writes and throws it away, so that it never waits for a reader.</summary>
    public DebianTool Silenced()
    {
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, line) => LastWords = line.Data ?? LastWords;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        return this;
    }

    /// <summary>The last line of its standard error.</summary>
    public string LastWords { get; private set; } = "";

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
