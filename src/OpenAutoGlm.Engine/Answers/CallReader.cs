using System.Text;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>What a character does to a call that is being read.</summary>
enum CallProgress
{
    /// <summary>More may follow.</summary>
    More,

    /// <summary>The character completes it.</summary>
    Complete,

    /// <summary>It is no call after all.</summary>
    Failed,
}

/// <summary>
/// Reads what follows the beginning of a call, character by character, and says what it calls as soon as that is
/// certain. One reader reads one run of calls: most forms have one call in it, Mistral's a list.
/// </summary>
abstract class CallReader(IReadOnlyList<Tool> tools)
{
    readonly StringBuilder _arguments = new();

    /// <summary>The tools that may be called.</summary>
    protected IReadOnlyList<Tool> Tools => tools;

    /// <summary>The calls that have begun since they were last taken: a name begins one, null goes on with the last.</summary>
    public List<(string? Name, string Arguments)> Pieces { get; } = [];

    /// <summary>Takes a character.</summary>
    public abstract CallProgress Push(char next);

    /// <summary>Closes the piece that is being written, so that it can be taken.</summary>
    public void Settle()
    {
        if (_arguments.Length > 0)
        {
            Pieces.Add((null, _arguments.ToString()));
            _arguments.Clear();
        }
    }

    /// <summary>A call begins.</summary>
    protected void Begin(string name)
    {
        Settle();
        Pieces.Add((name, ""));
    }

    /// <summary>More of its arguments.</summary>
    protected void Append(string text) => _arguments.Append(text);

    /// <summary>More of its arguments.</summary>
    protected void Append(char next) => _arguments.Append(next);

    /// <summary>The tool of a name; null where there is none.</summary>
    protected Tool? Find(string? name) => tools.FirstOrDefault(tool => tool.Name == name);
}
