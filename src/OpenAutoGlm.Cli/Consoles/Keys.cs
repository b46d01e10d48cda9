namespace OpenAutoGlm.Cli.Consoles;

/// <summary>The keyboard of the process's terminal.</summary>
static class Keys
{
    /// <summary>Waits for a key. Ctrl-C is a key here and no signal; SIGTERM ends the program, since nothing can end the wait.</summary>
    public static ConsoleKeyInfo Read(CancellationToken cancellation)
    {
        using CancellationTokenRegistration ended = cancellation.Register(() => Environment.Exit(ExitCode.Interrupted));
        Console.TreatControlCAsInput = true;
        try
        {
            return Console.ReadKey(intercept: true);
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    /// <summary>Whether a key was pressed already.</summary>
    public static bool Waiting() => Console.KeyAvailable;
}
