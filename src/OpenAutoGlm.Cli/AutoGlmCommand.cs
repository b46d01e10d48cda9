using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli;

/// <summary>
/// A command of autoglm: its flags are fields, each made once with its name, its doc and its parsing; the help page
/// ends with examples.
/// </summary>
abstract class AutoGlmCommand : Command
{
    protected AutoGlmCommand(string name, string description, CommandConsole console)
        : base(name, description)
    {
        Console = console;
        SetAction(RunAsync);
    }

    /// <summary>Command lines that work, with what they do.</summary>
    public abstract IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; }

    /// <summary>Where the command reads and writes.</summary>
    protected CommandConsole Console { get; }

    /// <summary>Does it.</summary>
    /// <returns>The exit code.</returns>
    protected abstract Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation);

    /// <summary>Adds flags to the help page in the order in which they are to be read.</summary>
    protected void AddAll(params ReadOnlySpan<Option> options)
    {
        foreach (Option option in options)
        {
            Add(option);
        }
    }
}

/// <summary>The library's help page, and the examples of the command below it.</summary>
sealed class HelpWithExamples(HelpAction page) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = page.Invoke(parseResult);
        if (parseResult.CommandResult.Command is AutoGlmCommand command)
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach ((string commandLine, string meaning) in command.Examples)
            {
                output.WriteLine($"  {meaning}");
                output.WriteLine($"      {commandLine}");
            }

            output.WriteLine();
        }

        return code;
    }
}
