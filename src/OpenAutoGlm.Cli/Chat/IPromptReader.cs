namespace OpenAutoGlm.Cli.Chat;

/// <summary>Where the user's turns come from: a terminal with editing and history, or lines of a file.</summary>
interface IPromptReader
{
    /// <summary>The next turn, possibly of several lines; null at the end of the input.</summary>
    /// <exception cref="PromptInterruptedException">Ctrl-C at an empty prompt.</exception>
    string? Read();
}

/// <summary>Ctrl-C where there was nothing to take back.</summary>
sealed class PromptInterruptedException() : OperationCanceledException("The prompt was interrupted.");
