namespace OpenAutoGlm.Cli.Consoles;

/// <summary>The size of the terminal's window; 80 by 25 where nobody says.</summary>
static class Screen
{
    public static int Width => Read(() => Console.WindowWidth, 80);

    public static int Height => Read(() => Console.WindowHeight, 25);

    static int Read(Func<int> read, int otherwise)
    {
        try
        {
            return read() is > 0 and int size ? size : otherwise;
        }
        catch (IOException)
        {
            return otherwise;
        }
    }
}
