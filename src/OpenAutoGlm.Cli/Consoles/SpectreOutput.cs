using System.Text;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>A writer for Spectre. A file is wide, so that tables in it do not wrap.</summary>
sealed class SpectreOutput(TextWriter writer, bool isTerminal) : IAnsiConsoleOutput
{
    const int FileWidth = 240;

    public TextWriter Writer => writer;

    public bool IsTerminal => isTerminal;

    public int Width => isTerminal ? Screen.Width : FileWidth;

    public int Height => isTerminal ? Screen.Height : 25;

    public void SetEncoding(Encoding encoding)
    {
        // Always UTF-8.
    }
}
