using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>
/// Reads GLM-4.5's form: the name, then arg_key and arg_value in pairs, then /tool_call. The pairs become one JSON object:
/// arguments that the schema calls text stay as they stand, others are read as JSON where they are JSON.
/// </summary>
/// <param name="tools">The tools.</param>
/// <param name="isCertain">Whether the model writes under a constraint, so that each pair is told as it comes.</param>
sealed class KeyValueCallReader(IReadOnlyList<Tool> tools, bool isCertain) : CallReader(tools)
{
    const string KeyStart = "<arg_key>", KeyEnd = "</arg_key>", ValueStart = "<arg_value>", ValueEnd = "</arg_value>", CallEnd = "</tool_call>";

    readonly StringBuilder _part = new();
    readonly Dictionary<string, string> _arguments = [];
    readonly List<string> _order = [];
    State _state = State.Name;
    Tool? _tool;
    string _key = "";

    enum State
    {
        Name,
        Tag,
        Key,
        BeforeValue,
        Value,
    }

    /// <inheritdoc/>
    public override CallProgress Push(char next)
    {
        if (_part.Length == 0 && char.IsWhiteSpace(next) && _state is State.Name or State.Tag or State.BeforeValue)
        {
            return CallProgress.More;
        }

        _part.Append(next);
        return _state switch
        {
            State.Name => Name(next),
            State.Tag => Tag(),
            State.Key => Ends(KeyEnd, State.BeforeValue, text => _key = text.Trim()),
            State.BeforeValue => Expect(ValueStart, State.Value),
            _ => Ends(ValueEnd, State.Tag, TakeValue),
        };
    }

    /// <summary>An argument's value as JSON.</summary>
    public static string Value(Tool tool, string key, string text)
    {
        if (!tool.IsText(key))
        {
            try
            {
                using JsonDocument value = JsonDocument.Parse(text);
                return value.RootElement.GetRawText();
            }
            catch (JsonException)
            {
                // Models write texts without quotes here too.
            }
        }

        return Quote(text);
    }

    static string Quote(string text) => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";

    CallProgress Name(char next)
    {
        if (next is not ('<' or '\n'))
        {
            // The longest name and the white space around it: what is longer is no name.
            return _part.Length > 512 ? CallProgress.Failed : CallProgress.More;
        }

        _tool = Find(_part.ToString(0, _part.Length - 1).Trim());
        if (_tool is null)
        {
            return CallProgress.Failed;
        }

        if (isCertain)
        {
            Begin(_tool.Name);
        }

        _part.Clear();
        _state = State.Tag;
        return next == '<' ? Push(next) : CallProgress.More;
    }

    CallProgress Tag()
    {
        string tag = _part.ToString();
        if (tag == KeyStart)
        {
            _part.Clear();
            _state = State.Key;
            return CallProgress.More;
        }

        return tag == CallEnd ? End()
            : KeyStart.StartsWith(tag, StringComparison.Ordinal) || CallEnd.StartsWith(tag, StringComparison.Ordinal) ? CallProgress.More
            : CallProgress.Failed;
    }

    CallProgress Expect(string wanted, State after)
    {
        if (_part.Length == wanted.Length && _part.Equals(wanted))
        {
            _part.Clear();
            _state = after;
            return CallProgress.More;
        }

        return wanted.AsSpan(0, Math.Min(wanted.Length, _part.Length)).SequenceEqual(_part.ToString()) ? CallProgress.More : CallProgress.Failed;
    }

    CallProgress Ends(string end, State after, Action<string> take)
    {
        if (_part.Length < end.Length || _part[^1] != '>' || _part.ToString(_part.Length - end.Length, end.Length) != end)
        {
            return CallProgress.More;
        }

        take(_part.ToString(0, _part.Length - end.Length));
        _part.Clear();
        _state = after;
        return CallProgress.More;
    }

    void TakeValue(string text)
    {
        string value = Value(_tool!, _key, text);
        if (_arguments.TryAdd(_key, value))
        {
            _order.Add(_key);
        }
        else
        {
            _arguments[_key] = value; // The last of two wins, as in JSON readers.
        }

        if (isCertain)
        {
            Append($"{(_order.Count == 1 ? "{" : ", ")}{Quote(_key)}: {value}");
        }
    }

    CallProgress End()
    {
        if (isCertain)
        {
            Append(_order.Count == 0 ? "{}" : "}");
            return CallProgress.Complete;
        }

        Begin(_tool!.Name);
        Append($"{{{string.Join(", ", _order.Select(key => $"{Quote(key)}: {_arguments[key]}"))}}}");
        return CallProgress.Complete;
    }
}
