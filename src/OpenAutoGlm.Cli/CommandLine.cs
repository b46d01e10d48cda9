using System.CommandLine;
using System.CommandLine.Help;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Cli;

/// <summary>All commands, and what becomes of their errors.</summary>
static class CommandLine
{
    /// <summary>Parses and runs a command line; never throws.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CommandConsole console)
    {
        ParseResult parsed = Root(console).Parse(arguments.Count == 0 ? ["--help"] : arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpWithExamples)
        {
            return RefuseUsage(parsed, console);
        }

        try
        {
            // Signals are the console's (Interrupts), errors are translated below.
            InvocationConfiguration configuration = new()
            {
                Output = console.Output,
                Error = console.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, console.Interrupts.Token);
        }
        catch (OperationCanceledException) when (console.Interrupts.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (Exception exception)
        {
            return Report(exception, console);
        }
    }

    /// <summary>The names of all commands.</summary>
    internal static IEnumerable<string> CommandNames => Commands(Quiet).Select(command => command.Name);

    /// <summary>What is wrong with a command line, without running it.</summary>
    internal static IEnumerable<string> ErrorsOf(string commandLine) => Root(Quiet).Parse(commandLine).Errors.Select(error => error.Message);

    static CommandConsole Quiet => CommandConsole.Of(TextReader.Null, TextWriter.Null, TextWriter.Null, new Interrupts());

    static AutoGlmCommand[] Commands(CommandConsole console) =>
    [
        new RunCommand(console),
        new ChatCommand(console),
        new ServeCommand(console),
        new KeysCommand(console),
        new PullCommand(console),
        new InspectCommand(console),
        new SynthCommand(console),
        new OptimizeCommand(console),
        new TrainCommand(console),
        new BenchCommand(console),
        new TuneCommand(console),
        new PruneCommand(console),
        new EvalCommand(console),
        new SimulateCommand(console),
        new ReplayCommand(console),
        new DoctorCommand(console),
        new TokenizeCommand(console),
        new GenerateCommand(console),
        new LogitsCommand(console),
        new NanoCommand(console),
    ];

    static RootCommand Root(CommandConsole console)
    {
        RootCommand root = new("Runs and serves open language models on this machine.");
        foreach (AutoGlmCommand command in Commands(console))
        {
            root.Add(command);
        }

        HelpOption help = root.Options.OfType<HelpOption>().Single();
        HelpAction page = (HelpAction)help.Action!;
        page.MaxWidth = console.OutputIsTerminal ? Math.Clamp(Screen.Width, 60, 120) : 110;
        help.Action = new HelpWithExamples(page);
        return root;
    }

    /// <summary>As it is typed: autoglm bench serve.</summary>
    static string PathOf(Command command) =>
        command is RootCommand ? "autoglm" : $"{(command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? PathOf(parent) : "autoglm")} {command.Name}";

    static int RefuseUsage(ParseResult parsed, CommandConsole console)
    {
        Command command = parsed.CommandResult.Command;
        string path = PathOf(command);
        string message = parsed.UnmatchedTokens.Count > 0 ? $"{path} does not know '{parsed.UnmatchedTokens[0]}'" : parsed.Errors[0].Message.TrimEnd('.');
        console.Error.WriteLine($"error: {message}. See '{path} --help'.");
        return ExitCode.Usage;
    }

    static int Report(Exception exception, CommandConsole console)
    {
        bool debug = Environment.GetEnvironmentVariable("AUTOGLM_DEBUG") == "1";
        string message = exception.Message.ReplaceLineEndings(" ");
        bool expected = exception is CommandFailedException or IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException
            or HubException or TemplateException or RequestRefusedException or SequenceFailedException or EvaluationException;
        console.Error.WriteLine($"error: {message}{(expected || debug ? "" : $" ({exception.GetType().Name}; AUTOGLM_DEBUG=1 shows where)")}");
        if (debug)
        {
            console.Error.WriteLine(exception);
        }

        return exception is CommandFailedException failed ? failed.ExitCode : ExitCode.Failed;
    }
}
