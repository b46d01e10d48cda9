namespace OpenAutoGlm.Cli.Consoles;

/// <summary>The few terminal styles that streamed text uses; everything else is drawn by Spectre.</summary>
static class Style
{
    public const string Reset = "\e[0m";
    public const string Dim = "\e[2m";
    public const string Bold = "\e[1m";
    public const string Accent = "\e[36m";
}
