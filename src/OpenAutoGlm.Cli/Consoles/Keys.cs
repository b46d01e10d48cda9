namespace OpenAutoGlm.Cli.Consoles;

/// <summary>The keyboard of the process's terminal.</summary>
static class Keys
{
    /// <summary>Waits for a key. Ctrl-C is a key here and no signal.</summary>
    public static ConsoleKeyInfo Read()
    {
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
