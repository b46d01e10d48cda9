using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>
/// The server described for programs: every route that is mapped, with the fields of the tables by which it reads. Source:
/// OpenAPI Specification 3.1.1.
/// </summary>
static partial class OpenApiDocument
{
    static readonly string[] Failures = ["400", "401", "403", "404", "408", "409", "413", "415", "429", "500", "503"];

    /// <summary>Describes the endpoints of a server.</summary>
    /// <param name="endpoints">All that is mapped.</param>
    /// <param name="version">The server's version.</param>
    public static JsonObject Describe(IEnumerable<RouteEndpoint> endpoints, string version)
    {
        JsonObject paths = [];
        foreach ((string method, string address) in endpoints.SelectMany(Operations).OrderBy(operation => operation.Address, StringComparer.Ordinal))
        {
            if (paths[address] is not JsonObject path)
            {
                paths[address] = path = [];
            }

            path[method.ToLowerInvariant()] = Operation(method, address, RouteDocuments.Of(method, address));
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "Open-AutoGLM", ["version"] = version, ["description"] = "Language models behind the APIs that clients know. A parameter is honoured or refused, never ignored." },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = new JsonObject { ["Error"] = ErrorSchema() },
                ["securitySchemes"] = new JsonObject { ["key"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" } },
            },
        };
    }

    /// <summary>Method and address of what an endpoint serves, the address as OpenAPI writes it.</summary>
    public static IEnumerable<(string Method, string Address)> Operations(RouteEndpoint endpoint)
    {
        string pattern = "/" + (endpoint.RoutePattern.RawText ?? "").TrimStart('/');
        string address = Parameter().Replace(pattern, "{$1}");
        return RouteDocuments.IsPage(address) ? [] : (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(method => (method, address));
    }

    static JsonObject Operation(string method, string address, RouteDocument? document)
    {
        JsonObject operation = new()
        {
            ["operationId"] = Separators().Replace($"{method.ToLowerInvariant()}_{address}", "_").Trim('_'),
            ["summary"] = document?.Summary ?? "Not described yet.",
            ["tags"] = new JsonArray(document?.Tag ?? "Other"),
        };
        JsonArray parameters = [.. Parameter().Matches(address).Select(match => (JsonNode)Input("path", match.Groups[1].Value, new JsonObject { ["type"] = "string" }, required: true))];
        foreach (var field in document?.Query ?? [])
        {
            parameters.Add((JsonNode)Input("query", field.Name, FieldSchemas.Of(field), ValueText.IsRequired(field.Values)));
        }

        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (document is { Body.IsDefault: false })
        {
            operation["requestBody"] = new JsonObject
            {
                ["required"] = true,
                ["content"] = new JsonObject { [document.BodyType] = new JsonObject { ["schema"] = FieldSchemas.Of(document.Body) } },
            };
        }

        JsonObject content = [];
        foreach (string type in document?.Answers ?? ["application/json"])
        {
            content[type] = new JsonObject();
        }

        JsonObject responses = new() { ["200"] = new JsonObject { ["description"] = "The answer.", ["content"] = content } };
        foreach (string status in Failures)
        {
            responses[status] = new JsonObject
            {
                ["description"] = "Refused or failed; the body says why.",
                ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = "#/components/schemas/Error" } } },
            };
        }

        operation["responses"] = responses;
        operation["security"] = document is { IsOpen: true } ? new JsonArray(new JsonObject()) : new JsonArray(new JsonObject { ["key"] = new JsonArray() });
        return operation;
    }

    static JsonObject Input(string place, string name, JsonObject schema, bool required) =>
        new() { ["name"] = name, ["in"] = place, ["required"] = required, ["schema"] = schema };

    static JsonObject ErrorSchema() => JsonNode.Parse("""
        {
          "type": "object", "required": ["error"],
          "properties": {"error": {"anyOf": [
            {"type": "string"},
            {"type": "object", "required": ["message", "type"], "properties": {
              "message": {"type": "string"}, "type": {"type": "string"}, "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}}]}}
        }
        """)!.AsObject();

    // {**id}, {id:int} and {id?} are all {id} there.
    [GeneratedRegex("\\{\\*{0,2}(\\w+)[^}]*\\}")]
    private static partial Regex Parameter();

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex Separators();
}
