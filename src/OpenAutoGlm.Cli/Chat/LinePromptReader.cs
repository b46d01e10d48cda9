using System.Text;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>Turns from a file or a pipe: one a line; a line that ends in a backslash goes on in the next.</summary>
sealed class LinePromptReader(TextReader input) : IPromptReader
{
    public string? Read()
    {
        StringBuilder turn = new();
        while (input.ReadLine() is { } line)
        {
            if (!line.EndsWith('\\'))
            {
                return turn.Append(line).ToString();
            }

            turn.Append(line.AsSpan(0, line.Length - 1)).Append('\n');
        }

        return turn.Length > 0 ? turn.ToString() : null;
    }
}
