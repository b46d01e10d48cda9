using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Answers;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints.Calls;

/// <summary>
/// One tool's arguments as GLM-4.5 writes them: pairs of arg_key and arg_value in any order, no key twice, those that are
/// required all there. Arguments that are texts stand without quotes. Keys that the schema does not name do not come, so
/// that whatever comes satisfies it.
/// </summary>
sealed class PairLanguage
{
    const int MaxProperties = 128;
    const string KeyStart = "<arg_key>", ValueEnd = "</arg_value>", KeyEnd = "</arg_key>";

    static readonly HashSet<string> Kept =
    [
        "type", "properties", "required", "additionalProperties", "$defs", "definitions", "title", "description", "$schema", "$id", "default", "examples", "$comment", "strict",
    ];

    static readonly string[] Open =
        ["additionalProperties", "unevaluatedProperties", "patternProperties", "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"];

    readonly string _line;
    readonly CallNode _end;
    readonly (byte[] Key, Machine Value)[] _properties;
    readonly UInt128 _required;
    readonly Dictionary<UInt128, CallNode.Branch> _nodes = [];
    readonly CallNode.Branch? _free;

    /// <param name="parameters">The schema.</param>
    /// <param name="line">What stands between tags: a line end, or nothing.</param>
    /// <param name="end">What follows the call.</param>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="cancellation">Ends the compiling.</param>
    public PairLanguage(string parameters, string line, CallNode end, ConstraintVocabulary vocabulary, CancellationToken cancellation)
    {
        (_line, _end) = (line, end);
        string schema = AsObject(parameters);
        JsonObject root = JsonNode.Parse(schema, documentOptions: new JsonDocumentOptions { MaxDepth = SchemaDocument.MaxDepth })!.AsObject();
        if (root.FirstOrDefault(member => !Kept.Contains(member.Key)) is { Key: { } unknown })
        {
            throw ConstraintException.Schema("/" + unknown, "this model writes arguments one by one, so nothing can be asked of all of them together.", "Use type, properties and required.");
        }

        JsonObject properties = root["properties"] as JsonObject ?? [];
        string[] required = [.. (root["required"] as JsonArray ?? []).Select(name => name?.GetValueKind() == JsonValueKind.String ? (string)name! : "")];
        if (properties.Count > MaxProperties)
        {
            throw ConstraintException.Schema("/properties", $"it has {properties.Count} properties, and {MaxProperties} are the limit.");
        }

        foreach (string name in required.Where(name => !properties.ContainsKey(name)))
        {
            throw ConstraintException.Schema("/required", $"'{ConstraintException.Clip(name)}' is not among the properties.", "Name it there.");
        }

        // Compiling the whole finds what is wrong with it, and that it can be satisfied at all.
        _ = new SymbolTable(SchemaDocument.Parse(schema, new JsonSchemaOptions(), cancellation));
        Tool tool = new("", root, IsStrict: false, "");
        _properties = [.. properties.Select(property => (Encoding.UTF8.GetBytes(Checked(property.Key)), Value(tool, schema, property.Key, vocabulary, cancellation)))];
        foreach ((string name, int index) in properties.Select((property, index) => (property.Key, index)).Where(property => required.Contains(property.Key)))
        {
            _required |= UInt128.One << index;
        }

        bool takesAny = properties.Count == 0 && (root["additionalProperties"] is not { } more || more.GetValueKind() == JsonValueKind.True);
        _free = takesAny ? Free() : null;
    }

    /// <summary>What follows the tool's name.</summary>
    public CallNode.Branch Start => _free ?? After(UInt128.Zero);

    /// <summary>A schema that is an object's, which arguments are.</summary>
    public static string AsObject(string parameters)
    {
        if (JsonNode.Parse(parameters, documentOptions: new JsonDocumentOptions { MaxDepth = SchemaDocument.MaxDepth }) is not JsonObject schema)
        {
            return """{"type": "object"}""";
        }

        if (schema["type"] is { } type && !(type.GetValueKind() == JsonValueKind.String && type.GetValue<string>() == "object"))
        {
            throw ConstraintException.Schema("/type", "the arguments of a tool are an object.", "Write \"type\": \"object\".");
        }

        schema.Remove("strict");
        if (schema["type"] is null)
        {
            schema["type"] = "object";
        }

        // A tool that names its arguments and says nothing of others takes no others. A schema that builds them from parts is left alone.
        if (schema["properties"] is JsonObject { Count: > 0 } && !Open.Any(schema.ContainsKey))
        {
            schema["additionalProperties"] = false;
        }

        return schema.ToJsonString();
    }

    /// <summary>JSON values of a part of a schema.</summary>
    public static JsonMachine Json(string schema, string start, ConstraintVocabulary vocabulary, CancellationToken cancellation) =>
        new(new SymbolTable(SchemaDocument.Parse(schema, new JsonSchemaOptions(), cancellation, start)), vocabulary.Trie.Longest, vocabulary.LongestSpaces, JsonMachine.SpacesInCalls);

    static Machine Value(Tool tool, string schema, string name, ConstraintVocabulary vocabulary, CancellationToken cancellation)
    {
        string start = "/properties/" + Uri.EscapeDataString(name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
        if (!tool.IsText(name))
        {
            return Json(schema, start, vocabulary, cancellation);
        }

        SymbolTable symbols = new(SchemaDocument.Parse(schema, new JsonSchemaOptions(), cancellation, start));
        try
        {
            return new RawTextMachine(symbols.Start.Text, Encoding.UTF8.GetBytes(ValueEnd));
        }
        catch (NotSupportedException error)
        {
            throw ConstraintException.Schema("/properties/" + name, $"{error.Message}, which this model's form of calls cannot keep together.", "Leave one of them out.");
        }
    }

    static string Checked(string name) => name.Length > 0 && !name.Contains('<') && name.Trim() == name
        ? name
        : throw ConstraintException.Schema("/properties/" + name, "this model cannot write a key that is empty, has '<' in it, or white space around it.", "Name it otherwise.");

    CallNode.Branch After(UInt128 seen)
    {
        if (!_nodes.TryGetValue(seen, out CallNode.Branch? node))
        {
            List<(byte[], Func<CallNode>)> options = [];
            _nodes.Add(seen, node = new CallNode.Branch(options));
            if ((seen & _required) == _required)
            {
                options.Add((Encoding.UTF8.GetBytes(_line + "</tool_call>"), () => _end));
            }

            for (int index = 0; index < _properties.Length; index++)
            {
                UInt128 bit = UInt128.One << index;
                (byte[] key, Machine value) = _properties[index];
                if ((seen & bit) == 0)
                {
                    CallNode argument = new CallNode.Value(value, () => Closed(value, After(seen | bit)));
                    options.Add(([.. Encoding.UTF8.GetBytes(_line + KeyStart), .. key, .. Encoding.UTF8.GetBytes($"{KeyEnd}{_line}<arg_value>")], () => argument));
                }
            }
        }

        return node;
    }

    /// <summary>What follows a value: a raw one has closed itself.</summary>
    static CallNode Closed(Machine value, CallNode.Branch next) => value is RawTextMachine ? next : new CallNode.Branch([(Encoding.UTF8.GetBytes(ValueEnd), () => next)]);

    /// <summary>Any keys and values, where the schema asks for nothing.</summary>
    CallNode.Branch Free()
    {
        List<(byte[], Func<CallNode>)> options = [];
        CallNode.Branch node = new(options);
        CallNode value = new CallNode.Value(new RawTextMachine(StringLanguage.Any, Encoding.UTF8.GetBytes(ValueEnd)), () => node);
        CallNode between = new CallNode.Branch([(Encoding.UTF8.GetBytes(_line + "<arg_value>"), () => value)]);
        CallNode key = new CallNode.Value(new RawTextMachine(StringLanguage.OfLength(1, 64), Encoding.UTF8.GetBytes(KeyEnd)), () => between);
        options.Add((Encoding.UTF8.GetBytes(_line + "</tool_call>"), () => _end));
        options.Add((Encoding.UTF8.GetBytes(_line + KeyStart), () => key));
        return node;
    }
}
