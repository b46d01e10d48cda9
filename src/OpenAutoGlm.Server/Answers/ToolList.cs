using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>The tools of a request, checked, in the form that chat templates know, which is OpenAI's.</summary>
sealed class ToolList
{
    /// <summary>Most tools of one request.</summary>
    public const int MaxTools = 256;

    const int LongestName = 128;
    const int LongestDescription = 1 << 16;

    readonly HashSet<string> _names = new(StringComparer.Ordinal);
    readonly JsonArray _tools = [];

    public int Count => _names.Count;

    /// <summary>Adds a tool.</summary>
    /// <param name="name">Its name: letters, digits, - and _.</param>
    /// <param name="description">What it is good for.</param>
    /// <param name="parameters">The schema of its arguments; null for none.</param>
    /// <param name="isStrict">Whether the arguments obey the schema even where the model may do as it likes, or the request is refused.</param>
    /// <exception cref="ApiException">The name is none or there already, or the schema is no object.</exception>
    public void Add(RequestValue name, RequestValue? description, RequestValue? parameters, bool isStrict = false)
    {
        string text = name.String(LongestName);
        if (text.Length == 0 || !text.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.'))
        {
            throw name.Invalid("must be a name of letters, digits, '-', '_' and '.'");
        }

        if (!_names.Add(text))
        {
            throw name.Invalid($"is '{ApiError.Clip(text)}', which another tool is called already");
        }

        JsonObject function = new() { ["name"] = text };
        if (description is { } said)
        {
            function["description"] = said.String(LongestDescription);
        }

        function["parameters"] = parameters is not { } schema ? new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() }
            : schema.IsObject ? RequestDraft.Copy(schema.Element)
            : throw schema.Mismatch("an object, the JSON schema of the arguments");
        if (isStrict)
        {
            function["strict"] = true;
        }

        _tools.Add((JsonNode)new JsonObject { ["type"] = "function", ["function"] = function });
    }

    /// <summary>Checks a choice against the tools.</summary>
    /// <exception cref="ApiException">It asks for a tool that is not there.</exception>
    public void Check(ToolChoice choice, string path)
    {
        if (choice.IsRequired && Count == 0)
        {
            throw new ApiException(ApiError.Invalid(path, $"{path} asks for a call, but there are no tools."));
        }

        if (choice.Name is { } name && !_names.Contains(name))
        {
            throw new ApiException(ApiError.Invalid(path, $"{path} names '{ApiError.Clip(name)}', which is not among the tools."));
        }
    }

    /// <summary>The tools as a template takes them; null for none.</summary>
    public JsonArray? ToJson() => Count > 0 ? _tools : null;
}
