using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>The parameters that say what an answer must be. Schemas are compiled later, by the model's vocabulary.</summary>
static class ConstraintParameters
{
    const int LongestName = 64;
    const int MostChoices = 10_000;

    public static void ReadResponseFormat(RequestDraft draft, RequestValue value)
    {
        Dictionary<string, RequestValue> fields = Fields(value);
        string type = fields.TryGetValue("type", out RequestValue kind) ? kind.String() : throw value.Invalid("must have a type");
        switch (type)
        {
            case "text" or "json_object" when fields.Count > 1:
                throw value.Unsupported($"has fields beside type, which {{\"type\": \"{type}\"}} has not");
            case "text":
                break;
            case "json_object":
                draft.SetConstraint(value, OutputConstraint.Json());
                break;
            case "json_schema":
                Only(fields, value, "type", "json_schema");
                draft.SetConstraint(value, JsonSchema(fields.TryGetValue("json_schema", out RequestValue named) ? named : throw value.Invalid("must have a json_schema")));
                break;
            default:
                throw kind.Unsupported("must be \"text\", \"json_object\" or \"json_schema\"");
        }
    }

    public static void ReadStructuredOutputs(RequestDraft draft, RequestValue value)
    {
        Dictionary<string, RequestValue> fields = Fields(value);
        Only(fields, value, "json", "json_object", "regex", "choice", "grammar");
        if (fields.Count != 1)
        {
            throw value.Invalid($"must have one of json, json_object, regex, choice and grammar, but has {fields.Count}");
        }

        (string name, RequestValue field) = fields.First();
        draft.SetConstraint(field, name switch
        {
            "json" => Schema(field),
            "regex" => OutputConstraint.Regex(field.String()),
            "choice" => Choice(field),
            "grammar" => OutputConstraint.Grammar(field.String()),
            _ => field.Bool() ? OutputConstraint.Json() : throw field.Invalid("must be true, or left out"),
        });
    }

    /// <summary>A schema as JSON, or as a string of JSON.</summary>
    public static OutputConstraint Schema(RequestValue value) => value switch
    {
        { IsString: true } => OutputConstraint.JsonSchema(value.String()),
        { IsObject: true } => OutputConstraint.JsonSchema(value.Element.GetRawText()),
        _ => value.Bool() ? OutputConstraint.Json(anyValue: true) : throw value.Invalid("is false, which no answer can satisfy"),
    };

    public static OutputConstraint Choice(RequestValue value)
    {
        try
        {
            return OutputConstraint.Choice(value.Array(MostChoices, shortest: 1).Select(choice => choice.String()));
        }
        catch (ConstraintException error)
        {
            throw new ApiException(ApiError.Invalid(value.Path, $"{value.Path}: {error.Reason}"));
        }
    }

    static OutputConstraint JsonSchema(RequestValue value)
    {
        Dictionary<string, RequestValue> fields = Fields(value);
        Only(fields, value, "name", "description", "schema", "strict");
        if (fields.TryGetValue("name", out RequestValue name))
        {
            name.String(LongestName);
        }

        if (fields.TryGetValue("description", out RequestValue description))
        {
            description.String();
        }

        // With strict or without it the schema is kept, or refused.
        if (fields.TryGetValue("strict", out RequestValue strict))
        {
            strict.Bool();
        }

        return Schema(fields.TryGetValue("schema", out RequestValue schema) ? schema : throw value.Invalid("must have a schema"));
    }

    /// <summary>The fields of an object that are not null.</summary>
    static Dictionary<string, RequestValue> Fields(RequestValue value)
    {
        Dictionary<string, RequestValue> fields = [];
        foreach ((string name, RequestValue field) in value.Properties().Where(field => !field.Value.IsNull))
        {
            fields[name] = field;
        }

        return fields;
    }

    static void Only(Dictionary<string, RequestValue> fields, RequestValue value, params string[] known)
    {
        if (fields.FirstOrDefault(field => !known.Contains(field.Key)) is { Key: { } unknown } other)
        {
            throw new ApiException(ApiError.Unknown(other.Value.Path, $"{value.Path} has no field '{ApiError.Clip(unknown)}': it has {string.Join(", ", known)}."));
        }
    }
}
