using System.Text;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Reads GLM-4's form: the tool's name on a line of its own, then the arguments as one JSON object.</summary>
/// <param name="tools">The tools.</param>
/// <param name="isCertain">Whether the model writes under a constraint, so that arguments are told as they come.</param>
sealed class LineCallReader(IReadOnlyList<Tool> tools, bool isCertain) : CallReader(tools)
{
    readonly StringBuilder _name = new();
    readonly StringBuilder _json = new();
    readonly JsonScanner _scanner = new();
    Tool? _tool;

    /// <inheritdoc/>
    public override CallProgress Push(char next) => _tool is null ? Name(next) : Arguments(next);

    CallProgress Name(char next)
    {
        if (next == '\n')
        {
            _tool = Find(_name.ToString().TrimEnd());
            return _tool is null ? CallProgress.Failed : CallProgress.More;
        }

        _name.Append(next);
        string name = _name.ToString();
        return Tools.Any(tool => tool.Name.StartsWith(name, StringComparison.Ordinal) || (name.StartsWith(tool.Name, StringComparison.Ordinal) && string.IsNullOrWhiteSpace(name[tool.Name.Length..])))
            ? CallProgress.More
            : CallProgress.Failed;
    }

    CallProgress Arguments(char next)
    {
        if (_json.Length == 0 && char.IsWhiteSpace(next))
        {
            return CallProgress.More;
        }

        _json.Append(next);
        CallProgress progress = _json.Length == 1 && next != '{' ? CallProgress.Failed : _scanner.Push(next);
        if (progress == CallProgress.Failed || (progress == CallProgress.Complete && !isCertain && !JsonCall.IsObject(_json.ToString())))
        {
            return CallProgress.Failed;
        }

        if (_json.Length == 1 && isCertain)
        {
            Begin(_tool!.Name);
        }

        if (isCertain)
        {
            Append(next);
        }
        else if (progress == CallProgress.Complete)
        {
            Begin(_tool!.Name);
            Append(_json.ToString());
        }

        return progress;
    }
}
