using System.Text;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Reads {"name": …, "arguments": {…}} and a text that closes it.</summary>
/// <param name="tools">The tools.</param>
/// <param name="isCertain">
/// Whether the model writes under a constraint: then the text up to the arguments is known, and they are told as they
/// come. Otherwise nothing is told before the whole object turned out to be a call.
/// </param>
/// <param name="key">What the arguments are called: arguments or parameters.</param>
/// <param name="closing">What comes after the object, white space aside; "" for nothing.</param>
sealed class JsonCallReader(IReadOnlyList<Tool> tools, bool isCertain, string key, string closing) : CallReader(tools)
{
    readonly StringBuilder _json = new();
    readonly JsonScanner _scanner = new();
    JsonScanner? _arguments;
    bool _isRead;
    bool _isTold;
    int _closed;

    /// <summary>The beginning of a call's object, as templates write it.</summary>
    public static string Head(string name, string key) => $"{{\"name\": \"{name}\", \"{key}\": ";

    /// <inheritdoc/>
    public override CallProgress Push(char next)
    {
        if (_isRead)
        {
            return Close(next);
        }

        if (_json.Length == 0 && char.IsWhiteSpace(next))
        {
            return CallProgress.More;
        }

        _json.Append(next);
        CallProgress progress = _json.Length == 1 && next != '{' ? CallProgress.Failed : _scanner.Push(next);
        if (progress == CallProgress.Failed)
        {
            return progress;
        }

        if (isCertain)
        {
            Stream(next);
        }

        return progress == CallProgress.Complete ? Read() : CallProgress.More;
    }

    /// <summary>Tells arguments as they come, once the beginning is that of a constrained call.</summary>
    void Stream(char next)
    {
        if (_arguments is { Depth: 0 } && char.IsWhiteSpace(next))
        {
            return; // before the arguments
        }

        if (_arguments is not null)
        {
            Append(next);
            _arguments = _arguments.Push(next) == CallProgress.More ? _arguments : null;
        }
        else if (!_isTold && next == ' ' && _scanner is { Depth: 1, InString: false } && Tools.FirstOrDefault(tool => _json.Equals(Head(tool.Name, key))) is { } tool)
        {
            Begin(tool.Name);
            (_arguments, _isTold) = (new JsonScanner(), true);
        }
    }

    CallProgress Read()
    {
        if (!_isTold)
        {
            if (JsonCall.Read(_json.ToString(), Tools) is not { } call)
            {
                return CallProgress.Failed;
            }

            Begin(call.Name);
            Append(call.Arguments);
        }

        _isRead = true;
        return closing.Length == 0 ? CallProgress.Complete : CallProgress.More;
    }

    CallProgress Close(char next) =>
        _closed == 0 && char.IsWhiteSpace(next) ? CallProgress.More
        : next != closing[_closed] ? CallProgress.Failed
        : ++_closed == closing.Length ? CallProgress.Complete
        : CallProgress.More;
}
