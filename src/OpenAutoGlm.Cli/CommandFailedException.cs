namespace OpenAutoGlm.Cli;

/// <summary>Something that the user can mend: the message says what is wrong and what to do.</summary>
sealed class CommandFailedException(string message, int exitCode = ExitCode.Failed, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What to tell the shell.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>A command line whose parts do not fit each other.</summary>
    public static CommandFailedException Usage(string message) => new(message, Cli.ExitCode.Usage);
}
