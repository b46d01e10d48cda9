using System.Text.Json;
using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli;

/// <summary>A command line that ran inside the test, with what it wrote.</summary>
sealed record CommandRun(int Code, string Output, string Error)
{
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public static Task<CommandRun> Of(params string[] arguments) => OfInput("", arguments);

    public static async Task<CommandRun> OfInput(string input, params string[] arguments)
    {
        using Interrupts interrupts = new();
        return await OfInterrupted(interrupts, input, arguments);
    }

    public static async Task<CommandRun> OfInterrupted(Interrupts interrupts, string input, params string[] arguments)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        using CommandConsole console = CommandConsole.Of(new StringReader(input), output, error, interrupts);
        int code = await CommandLine.RunAsync(arguments, console);
        return new CommandRun(code, output.ToString(), error.ToString());
    }

    /// <summary>The output, after the command has done what it should.</summary>
    public string Done()
    {
        Assert.True(Code == ExitCode.Done, $"exit code {Code}: {Error}");
        return Output;
    }
}
