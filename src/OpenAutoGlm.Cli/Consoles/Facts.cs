namespace OpenAutoGlm.Cli.Consoles;

/// <summary>Lines of 'name  value' on standard output, the names in one column.</summary>
sealed class Facts(CommandConsole console, int nameWidth = 16)
{
    public void Add(string name, string value)
    {
        string padded = name.PadRight(nameWidth);
        console.Output.WriteLine($"{(console.OutputIsTerminal && console.Colours ? $"{Style.Dim}{padded}{Style.Reset}" : padded)} {value}");
    }
}
