using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>Random schemas: what is generated under them satisfies them, and what is accepted is what satisfies them.</summary>
public class RandomSchemaTests
{
    static readonly string[] Keys = ["a", "b", "name", "x"];

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Whatever_is_generated_satisfies_the_schema(int seed)
    {
        Random random = new(seed);
        int compiled = 0;
        int ended = 0;
        for (int round = 0; round < 250; round++)
        {
            JsonObject schema = Schema(random, 3);
            schema["$defs"] = new JsonObject { ["d"] = Schema(random, 1) };
            if (Compile(schema) is not { } constraint)
            {
                continue;
            }

            compiled++;
            for (int walk = 0; walk < 4; walk++)
            {
                // The validator computes in double precision.
                if (TestVocabulary.Walk(constraint, random) is not { } text || Regex.IsMatch(text, "[0-9.]{15}|[eE][+-]?[0-9]{2}"))
                {
                    continue;
                }

                ended++;
                using JsonDocument value = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 1000 });
                Assert.True(TinyValidator.IsValid(schema, schema, value.RootElement), $"{text} under {schema.ToJsonString()}");
            }
        }

        Assert.InRange(compiled, 150, 250);
        Assert.InRange(ended, 2 * compiled, 4 * compiled);
    }

    [Fact]
    public void Random_values_are_accepted_exactly_where_they_satisfy_the_schema()
    {
        Random random = new(14);
        int right = 0;
        int wrong = 0;
        for (int round = 0; round < 500; round++)
        {
            JsonObject schema = Schema(random, 3);
            schema["$defs"] = new JsonObject { ["d"] = Schema(random, 1) };
            if (Compile(schema) is not { } constraint)
            {
                continue;
            }

            for (int i = 0; i < 30; i++)
            {
                string text = Value(random, 3)?.ToJsonString() ?? "null";
                using JsonDocument value = JsonDocument.Parse(text);
                bool valid = TinyValidator.IsValid(schema, schema, value.RootElement);
                Assert.True(valid == constraint.Accepts(text), $"{text} is {(valid ? "valid" : "not valid")} under {schema.ToJsonString()}");
                right += valid ? 1 : 0;
                wrong += valid ? 0 : 1;
            }
        }

        Assert.True(right > 1000 && wrong > 1000, $"{right} right, {wrong} wrong");
    }

    static CompiledConstraint? Compile(JsonObject schema)
    {
        try
        {
            return TestVocabulary.Schema(schema.ToJsonString());
        }
        catch (ConstraintException)
        {
            return null; // No value satisfies it, or it is too entangled.
        }
    }

    static JsonObject Schema(Random random, int depth)
    {
        JsonObject schema = [];
        int keywords = random.Next(1, 4);
        for (int i = 0; i < keywords; i++)
        {
            Add(schema, random, depth);
        }

        return schema;
    }

    static void Add(JsonObject schema, Random random, int depth)
    {
        JsonNode Part() => random.Next(8) == 0 ? JsonValue.Create(random.Next(3) > 0) : Schema(random, depth - 1);
        JsonArray Parts() => [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Part())];
        switch (random.Next(depth > 0 ? 22 : 10))
        {
            case 0 or 1:
                schema["type"] = ((string[])["object", "array", "string", "integer", "number", "boolean", "null"])[random.Next(7)];
                break;
            case 2:
                schema["enum"] = new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Value(random, 1))]);
                break;
            case 3:
                schema["minimum"] = random.Next(-3, 8);
                break;
            case 4:
                schema["maximum"] = random.Next(-3, 30);
                break;
            case 5:
                schema["multipleOf"] = ((double[])[2, 3, 0.5])[random.Next(3)];
                break;
            case 6:
                schema["minLength"] = random.Next(4);
                break;
            case 7:
                schema["maxLength"] = random.Next(6);
                break;
            case 8:
                schema["pattern"] = ((string[])["^a", "b$", "^[a-c]*$", "a.c", "^(ab)+$"])[random.Next(5)];
                break;
            case 9:
                schema["required"] = new JsonArray([.. Keys.Where(_ => random.Next(3) == 0).Select(key => (JsonNode)key)]);
                break;
            case 10 or 11:
                schema["properties"] = new JsonObject(Keys.Where(_ => random.Next(2) == 0).Select(key => KeyValuePair.Create(key, (JsonNode?)Part())));
                break;
            case 12:
                schema["additionalProperties"] = Part();
                break;
            case 13:
                schema["minProperties"] = random.Next(3);
                break;
            case 14:
                schema["maxProperties"] = random.Next(4);
                break;
            case 15:
                schema["items"] = Part();
                break;
            case 16:
                schema[random.Next(2) == 0 ? "minItems" : "maxItems"] = random.Next(3);
                break;
            case 17:
                schema["anyOf"] = Parts();
                break;
            case 18:
                schema["oneOf"] = Parts();
                break;
            case 19:
                schema[random.Next(2) == 0 ? "allOf" : "prefixItems"] = Parts();
                break;
            case 20:
                schema["not"] = Part();
                break;
            default:
                schema[random.Next(2) == 0 ? "contains" : "items"] = random.Next(2) == 0 ? Part() : new JsonObject { ["$ref"] = "#/$defs/d" };
                break;
        }
    }

    static JsonNode? Value(Random random, int depth) => random.Next(depth > 0 ? 9 : 6) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 => random.Next(-4, 12),
        3 => random.Next(-8, 30) / 4.0,
        4 or 5 => ((string[])["", "a", "b", "ab", "abc", "aéc", "abab", "name", "bbbbbb"])[random.Next(9)],
        6 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth - 1))]),
        _ => new JsonObject(Keys.Append("other").Where(_ => random.Next(3) == 0).Select(key => KeyValuePair.Create(key, Value(random, depth - 1)))),
    };
}
