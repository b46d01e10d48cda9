using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>JSON as text, with what a well-behaved writer would not write: half characters, NULs and the same key twice.</summary>
static class JsonText
{
    /// <summary>The text of a value; half characters are written as escapes, as some clients do.</summary>
    public static string Of(JsonNode? node)
    {
        StringBuilder text = new();
        Write(text, node);
        return text.ToString();
    }

    static void Write(StringBuilder text, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                text.Append('{').AppendSeparated(fields, field =>
                {
                    WriteString(text, field.Key);
                    text.Append(':');
                    Write(text, field.Value);
                }).Append('}');
                break;

            case JsonArray items:
                text.Append('[').AppendSeparated(items, item => Write(text, item)).Append(']');
                break;

            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                WriteString(text, value.GetValue<string>());
                break;

            default:
                text.Append(node?.ToJsonString() ?? "null");
                break;
        }
    }

    static StringBuilder AppendSeparated<T>(this StringBuilder text, IEnumerable<T> items, Action<T> write)
    {
        bool first = true;
        foreach (T item in items)
        {
            if (!first)
            {
                text.Append(',');
            }

            write(item);
            first = false;
        }

        return text;
    }

    static void WriteString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char character in value)
        {
            _ = character is < ' ' or '"' or '\\' || char.IsSurrogate(character)
                ? text.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}")
                : text.Append(character);
        }

        text.Append('"');
    }
}
