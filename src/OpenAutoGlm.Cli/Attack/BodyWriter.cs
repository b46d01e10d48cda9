using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>
/// Bodies from schemas: good ones, and ones with something wrong in one or more places. The fields that make an answer
/// long are kept small, so that good requests are soon answered.
/// </summary>
sealed class BodyWriter(string model, Dice dice)
{
    const int DeepestSchema = 6;
    const int ShortAnswer = 4; // tokens

    static readonly string[] LengthFields = ["max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict"];

    static readonly string[] Numbers =
    [
        "0", "-1", "1", "2", "1.5", "-0.0", "1e400", "-1e400", "1e-400", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
        "2147483648", "16384", "99999999999999999999999999999999999999", "0.1e1", "4294967296", "255", "1E+2", "128", "151936",
    ];

    static readonly string[] Texts =
    [
        "", " ", "\0", "a\0b", "\ud800", "x\udfff", "<|endoftext|>", "<|user|>", "</think>", "<think>", "\r\n\r\nHTTP/1.1 200 OK\r\n", "\"}]}", "{{ 7 * 7 }}",
        "{% for i in range(10**9) %}x{% endfor %}", "../../etc/passwd", "http://169.254.169.254/", "data:image/png;base64,AAAA", "(a+)+$", "\u202e", "é", "\U0001F600", "NaN", "null", "%s%n", "'; --",
    ];

    /// <summary>A body of a schema, or of nothing in particular.</summary>
    /// <param name="route">What it is for.</param>
    /// <param name="wrongs">How many places to get wrong.</param>
    public string Write(AttackRoute route, int wrongs)
    {
        JsonNode? body = route.Body is { } schema ? Value(schema, "", 0) : Anything(2);
        if (body is JsonObject fields)
        {
            Tame(fields, route);
        }

        for (int i = 0; i < wrongs; i++)
        {
            body = Spoil(body);
        }

        return JsonText.Of(body);
    }

    /// <summary>Gives the fields that every request needs something to work with.</summary>
    void Tame(JsonObject body, AttackRoute route)
    {
        JsonObject known = route.Body?["properties"] as JsonObject ?? [];
        if (known.ContainsKey("model"))
        {
            body["model"] = model;
        }

        if (known.ContainsKey("messages") && !dice.OneIn(6))
        {
            body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = Text() });
        }

        if (known.ContainsKey("prompt") && !dice.OneIn(6))
        {
            body["prompt"] = Text();
        }

        if (known.ContainsKey("input") && !dice.OneIn(6))
        {
            body["input"] = Text();
        }

        if (body.ContainsKey("messages") && body.ContainsKey("prompt") && !dice.OneIn(6))
        {
            body.Remove(dice.OneIn(2) ? "messages" : "prompt");
        }

        foreach (string length in LengthFields.Where(known.ContainsKey))
        {
            body.Remove(length);
        }

        if (LengthFields.FirstOrDefault(known.ContainsKey) is { } limit)
        {
            body[limit] = 1 + dice.Below(ShortAnswer);
        }

        if (known.ContainsKey("options"))
        {
            body["options"] = new JsonObject { ["num_predict"] = 1 + dice.Below(ShortAnswer) };
        }
    }

    JsonNode? Value(JsonNode schema, string name, int depth)
    {
        if (depth > DeepestSchema || schema is not JsonObject { Count: > 0 } rules)
        {
            return Anything(1);
        }

        foreach (string choice in (ReadOnlySpan<string>)["anyOf", "oneOf"])
        {
            if (rules[choice] is JsonArray { Count: > 0 } branches)
            {
                return Value(branches[dice.Below(branches.Count)]!, name, depth + 1);
            }
        }

        if (rules.TryGetPropertyValue("const", out JsonNode? constant))
        {
            return constant?.DeepClone();
        }

        if (rules["enum"] is JsonArray { Count: > 0 } values)
        {
            return values[dice.Below(values.Count)]?.DeepClone();
        }

        string type = rules["type"] switch
        {
            JsonArray { Count: > 0 } types => (string?)types[dice.Below(types.Count)] ?? "null",
            JsonValue single => (string?)single ?? "null",
            _ => rules.ContainsKey("properties") ? "object" : "any",
        };
        return type switch
        {
            "object" => Object(rules, depth),
            "array" => Array(rules, name, depth),
            "string" => Text(),
            "integer" or "number" => Number(rules, type == "integer"),
            "boolean" => dice.OneIn(2),
            "null" => null,
            _ => Anything(1),
        };
    }

    JsonObject Object(JsonObject rules, int depth)
    {
        JsonObject written = [];
        HashSet<string> required = [.. (rules["required"] as JsonArray ?? []).Select(name => (string)name!)];
        foreach ((string name, JsonNode? field) in rules["properties"] as JsonObject ?? [])
        {
            // A request with every field would be refused for two of them that exclude each other.
            if (required.Contains(name) || dice.OneIn(depth == 0 ? 12 : 3))
            {
                written[name] = Value(field!, name, depth + 1);
            }
        }

        return written;
    }

    JsonArray Array(JsonObject rules, string name, int depth)
    {
        int least = Bound(rules, "minItems") is { } bound ? (int)bound : 0;
        JsonArray items = [];
        for (int count = least + dice.Below(3); items.Count < count;)
        {
            items.Add(Value(rules["items"] ?? new JsonObject(), name, depth + 1));
        }

        return items;
    }

    JsonNode Number(JsonObject rules, bool whole)
    {
        double least = Bound(rules, "minimum") ?? 0;
        double most = Math.Min(Bound(rules, "maximum") ?? least + 3, least + 3);
        return whole ? JsonValue.Create((long)least + dice.Below((int)Math.Max(1, most - least + 1))) : JsonValue.Create(Math.Round(least + ((most - least) * dice.Below(101) / 100), 3));
    }

    static double? Bound(JsonObject rules, string name) => rules[name] is JsonValue value && value.TryGetValue(out double bound) ? bound : null;

    string Text() => dice.Below(12) switch
    {
        0 => dice.Of<string>(Texts),
        1 => new string('a', dice.Below(2000)),
        2 => Encoding.UTF8.GetString(dice.Bytes(dice.Below(200))),
        3 => string.Concat(Enumerable.Repeat("天气 ", dice.Below(60))),
        _ => "Once upon a time",
    };

    JsonNode? Anything(int depth) => dice.Below(depth > 0 ? 8 : 6) switch
    {
        0 => null,
        1 => dice.OneIn(2),
        2 or 3 => JsonNode.Parse(dice.Of<string>(Numbers)),
        4 or 5 => dice.Of<string>(Texts),
        6 => new JsonArray([.. Enumerable.Range(0, dice.Below(4)).Select(_ => Anything(depth - 1))]),
        _ => new JsonObject { [dice.Of("a", "type", "text", "", "\0")] = Anything(depth - 1) },
    };

    /// <summary>Changes one place of a value: another kind of value, no value, an unknown field, deep nesting, a lot of something.</summary>
    JsonNode? Spoil(JsonNode? body)
    {
        switch (body)
        {
            case JsonObject { Count: > 0 } fields when !dice.OneIn(40):
                string name = fields.ElementAt(dice.Below(fields.Count)).Key;
                JsonNode? field = fields[name];
                fields.Remove(name);
                switch (dice.Below(10))
                {
                    case 0:
                        break;
                    case 1:
                        fields[dice.Of(name + " ", name.ToUpperInvariant(), "__proto__", "\0", "\ud800", new string('k', 500))] = field;
                        break;
                    case 2 when field is JsonObject or JsonArray:
                    case 3 when field is JsonObject or JsonArray:
                    case 4 when field is JsonObject or JsonArray:
                        fields[name] = Spoil(field);
                        break;
                    case 5 when dice.OneIn(8):
                        fields[name] = Nested(dice.Of(70, 500, 2500));
                        break;
                    case 6 when (field is null or JsonValue) && dice.OneIn(8):
                        // Of scalars only: a list of lists of lists would fill the memory of the client.
                        fields[name] = new JsonArray([.. Enumerable.Range(0, dice.Of(100, 3000)).Select(_ => field?.DeepClone())]);
                        break;
                    default:
                        fields[name] = Anything(2);
                        break;
                }

                return fields;

            case JsonArray { Count: > 0 } items when !dice.OneIn(10):
                int index = dice.Below(items.Count);
                JsonNode? item = items[index];
                items.RemoveAt(index);
                items.Insert(index, Spoil(item));
                return items;

            default:
                return Anything(2);
        }
    }

    static JsonNode Nested(int depth)
    {
        JsonNode nested = JsonValue.Create(1);
        for (int i = 0; i < depth; i++)
        {
            nested = i % 2 == 0 ? new JsonArray(nested) : new JsonObject { ["a"] = nested };
        }

        return nested;
    }

    /// <summary>Changes the text of a body so that it may be no JSON any more.</summary>
    public byte[] Mangle(string body)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        int place = dice.Below(bytes.Length + 1);
        return dice.Below(9) switch
        {
            0 or 1 => bytes[..place],
            2 => [.. bytes[..place], 0, .. bytes[place..]],
            3 => [.. bytes[..place], .. dice.Bytes(1 + dice.Below(8)), .. bytes[place..]],
            4 => [.. bytes, .. Encoding.UTF8.GetBytes(dice.Of("{}", "x", " ", "\0", ",", "]}"))],
            5 when body.StartsWith('{') && body.Length > 2 => Encoding.UTF8.GetBytes($"{{{body[1..^1]},{body[1..]}"),
            6 => [0xEF, 0xBB, 0xBF, .. bytes],
            7 => Encoding.Unicode.GetBytes(body),
            _ => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{new string('[', dice.Of(10, 100, 5000))}{body}")),
        };
    }
}
