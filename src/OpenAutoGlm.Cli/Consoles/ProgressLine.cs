namespace OpenAutoGlm.Cli.Consoles;

/// <summary>A share of work as a bar on the status line; nothing where nobody watches.</summary>
sealed class ProgressLine(StatusLine status, string what) : IProgress<double>
{
    const int Width = 24;

    public void Report(double value)
    {
        int filled = (int)(Math.Clamp(value, 0, 1) * Width);
        status.Say($"{what}  {new string('█', filled)}{new string('░', Width - filled)}  {value * 100:0} %");
    }
}
