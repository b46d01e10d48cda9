using System.Text;
using System.Text.Json;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Reads Mistral's forms behind [TOOL_CALLS]: a list of calls, or a name and after [ARGS] its arguments.</summary>
sealed class ListCallReader(IReadOnlyList<Tool> tools) : CallReader(tools)
{
    const string ArgumentsMark = "[ARGS]";
    const int LongestHead = 512;

    readonly StringBuilder _head = new();
    readonly StringBuilder _json = new();
    readonly JsonScanner _scanner = new();
    Tool? _tool;
    bool _isList;

    /// <inheritdoc/>
    public override CallProgress Push(char next)
    {
        if (_tool is null && !_isList)
        {
            return Head(next);
        }

        if (_json.Length == 0 && char.IsWhiteSpace(next))
        {
            return CallProgress.More;
        }

        _json.Append(next);
        CallProgress progress = _json.Length == 1 && next != (_isList ? '[' : '{') ? CallProgress.Failed : _scanner.Push(next);
        return progress == CallProgress.Complete && !Read() ? CallProgress.Failed : progress;
    }

    CallProgress Head(char next)
    {
        if (_head.Length == 0 && char.IsWhiteSpace(next))
        {
            return CallProgress.More;
        }

        if (_head.Length == 0 && next == '[')
        {
            _isList = true;
            return Push(next);
        }

        _head.Append(next);
        string head = _head.ToString();
        if (head.EndsWith(ArgumentsMark, StringComparison.Ordinal))
        {
            _tool = Find(head[..head.IndexOf('[', StringComparison.Ordinal)].Trim());
            return _tool is null ? CallProgress.Failed : CallProgress.More;
        }

        return head.Length > LongestHead ? CallProgress.Failed : CallProgress.More;
    }

    bool Read()
    {
        string json = _json.ToString();
        if (_tool is not null)
        {
            if (!JsonCall.IsObject(json))
            {
                return false;
            }

            Begin(_tool.Name);
            Append(json);
            return true;
        }

        return ReadList(json);
    }

    bool ReadList(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            List<(string Name, string Arguments)?> calls = [.. document.RootElement.EnumerateArray().Select(call => JsonCall.Read(call, Tools))];
            if (calls.Count == 0 || calls.Contains(null))
            {
                return false;
            }

            foreach ((string name, string arguments) in calls.OfType<(string, string)>())
            {
                Begin(name);
                Append(arguments);
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
        catch (InvalidOperationException)
        {
            return false; // A string in it has half a surrogate pair.
        }
    }
}
