using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Conformance.Constraints;

/// <summary>A schema of a suite with its instances.</summary>
/// <param name="Name">File and description.</param>
/// <param name="Schema">The schema.</param>
/// <param name="Instances">Instances, and whether they are valid.</param>
sealed record SuiteSchema(string Name, string Schema, IReadOnlyList<(string Json, bool Valid)> Instances)
{
    /// <summary>The schemas in the files of a folder, as MaskBench and the JSON Schema test suite have them.</summary>
    public static IEnumerable<SuiteSchema> Read(string folder)
    {
        foreach (string file in Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file), new JsonDocumentOptions { MaxDepth = 512 });
            JsonElement[] groups = document.RootElement.ValueKind == JsonValueKind.Array ? [.. document.RootElement.EnumerateArray()] : [document.RootElement];
            foreach (JsonElement group in groups)
            {
                yield return new SuiteSchema(
                    $"{Path.GetFileNameWithoutExtension(file)}: {group.GetProperty("description").GetString()}",
                    group.GetProperty("schema").GetRawText(),
                    [.. group.GetProperty("tests").EnumerateArray().Select(test => (test.GetProperty("data").GetRawText(), test.GetProperty("valid").GetBoolean()))]);
            }
        }
    }

    /// <summary>The schema compiled; null where it is refused.</summary>
    public CompiledConstraint? Compile(ConstraintVocabulary vocabulary, JsonSchemaOptions options)
    {
        try
        {
            return new CompiledConstraint(OutputConstraint.JsonSchema(Schema, options), vocabulary, TestContext.Current.CancellationToken);
        }
        catch (ConstraintException)
        {
            return null;
        }
    }
}

/// <summary>One value spelled in several ways.</summary>
static class Spellings
{
    public static IEnumerable<(string Kind, string Text)> Of(string json)
    {
        yield return ("as it stands", json);
        using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 512 });
        yield return ("compact", Write(document.RootElement, indented: false, JavaScriptEncoder.UnsafeRelaxedJsonEscaping));
        yield return ("indented", Write(document.RootElement, indented: true, JavaScriptEncoder.UnsafeRelaxedJsonEscaping));
        yield return ("escaped", Write(document.RootElement, indented: false, JavaScriptEncoder.Create()));
        if (JsonNode.Parse(json) is JsonObject { Count: > 1 } whole)
        {
            yield return ("keys turned round", Turned(whole).ToJsonString(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 512 }));
        }
    }

    static string Write(JsonElement element, bool indented, JavaScriptEncoder encoder)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = indented, Encoder = encoder, MaxDepth = 512 }))
        {
            element.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    static JsonNode Turned(JsonNode node) => node switch
    {
        JsonObject members => new JsonObject(members.Reverse().Select(member => KeyValuePair.Create(member.Key, member.Value is null ? null : Turned(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(item => item is null ? null : Turned(item))]),
        _ => node.DeepClone(),
    };
}

/// <summary>Reading texts without tokens.</summary>
static class ConstraintReading
{
    public static bool Accepts(this CompiledConstraint constraint, string text) =>
        constraint.Advance(constraint.Start, Encoding.UTF8.GetBytes(text)) is Place { IsFinal: true };
}
