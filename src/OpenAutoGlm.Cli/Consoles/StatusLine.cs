namespace OpenAutoGlm.Cli.Consoles;

/// <summary>What is being done right now: one line that replaces itself on a terminal, nothing elsewhere.</summary>
sealed class StatusLine(CommandConsole console)
{
    bool _drawn;

    public void Say(string text)
    {
        if (console.ErrorIsTerminal)
        {
            string shown = text.Length < Screen.Width ? text : text[..(Screen.Width - 1)];
            console.Error.Write($"\r\e[K{(console.Colours ? Style.Dim : "")}{shown}{(console.Colours ? Style.Reset : "")}");
            _drawn = true;
        }
    }

    public void End()
    {
        if (_drawn)
        {
            console.Error.Write("\r\e[K");
            _drawn = false;
        }
    }
}
