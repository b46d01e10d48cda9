using System.Text;
using System.Text.Json;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>What is wrong with an exchange: the promises that hold for every request, whatever it was.</summary>
static class Oracle
{
    const int ShownBody = 300;

    /// <summary>The fault of the server; null where there is none.</summary>
    public static string? Fault(AttackRequest request, AttackEnd end, IReadOnlyList<AttackAnswer> answers)
    {
        foreach (AttackAnswer answer in answers)
        {
            if (FaultOf(request, answer) is { } fault)
            {
                return $"{fault} ({answer.Status}): {Shown(answer.Body)}";
            }
        }

        return end switch
        {
            AttackEnd.TimedOut => "no answer in time",
            AttackEnd.Garbled => "what came is no HTTP",
            AttackEnd.Closed when request.IsWhole => "closed without an answer",
            _ => null,
        };
    }

    static string? FaultOf(AttackRequest request, AttackAnswer answer)
    {
        if (answer.Status >= 500 && !IsDeclared(answer))
        {
            return "a failure that is not declared";
        }

        if (request.IsHead)
        {
            return null;
        }

        if (answer.Status >= 400)
        {
            // What is no HTTP is refused before anything that knows words has seen it.
            return answer.Body.Length == 0 && (!request.IsWhole || answer.Status is 400 or 431) && request.Kind is "no HTTP" or "cut off" or "chunks cut off" or "strange address" or "strange headers" or "another method"
                ? null
                : FormFault(request.Path, answer);
        }

        if (answer.Type.StartsWith("text/event-stream", StringComparison.Ordinal))
        {
            return StreamFault(answer.Body);
        }

        return answer.Type.StartsWith("application/json", StringComparison.Ordinal) && answer.Body.Length < 1 << 18 && Parse(answer.Body) is null ? "an answer that is no JSON" : null;
    }

    /// <summary>503 says that the server is full or ends; 500 may say only that the client read too slowly.</summary>
    static bool IsDeclared(AttackAnswer answer) => answer.Status == 503 || (answer.Status == 500 && Encoding.UTF8.GetString(answer.Body).Contains("slow_reader", StringComparison.Ordinal));

    /// <summary>Whether an error has the form of the API that was asked.</summary>
    static string? FormFault(string path, AttackAnswer answer)
    {
        if (Parse(answer.Body) is not { ValueKind: JsonValueKind.Object } body || !body.TryGetProperty("error", out JsonElement error))
        {
            return "an error without words";
        }

        bool holds = path switch
        {
            _ when path == "/api" || path.StartsWith("/api/", StringComparison.Ordinal) => error.ValueKind == JsonValueKind.String,
            _ when path.StartsWith("/v1/messages", StringComparison.Ordinal) => body.TryGetProperty("type", out JsonElement type) && type.GetString() == "error" && Has(error, "message", "type"),
            _ => Has(error, "message", "type", "param", "code"),
        };
        return holds ? null : "an error in another API's form";
    }

    static bool Has(JsonElement element, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out _))
            {
                return false;
            }
        }

        return true;
    }

    static string? StreamFault(byte[] body)
    {
        string text = Encoding.UTF8.GetString(body);
        foreach (string line in text.Split('\n').Where(line => line.StartsWith("data:", StringComparison.Ordinal)))
        {
            string data = line["data:".Length..].Trim();
            if (data != "[DONE]" && Parse(Encoding.UTF8.GetBytes(data)) is null)
            {
                return "an event that is no JSON";
            }
        }

        return text.Contains("\"internal_error\"", StringComparison.Ordinal) ? "a failure in a stream" : null;
    }

    static JsonElement? Parse(byte[] json)
    {
        try
        {
            return JsonElement.Parse(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static string Shown(byte[] body)
    {
        string text = Encoding.UTF8.GetString(body, 0, Math.Min(body.Length, ShownBody));
        return text.ReplaceLineEndings(" ");
    }
}
