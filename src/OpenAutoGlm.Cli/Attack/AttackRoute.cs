using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>An operation of a server, as its OpenAPI document describes it.</summary>
/// <param name="Method">GET, POST, …</param>
/// <param name="Path">The address, with {names} of what is to be filled in.</param>
/// <param name="Body">Schema of the body; null where none is described.</param>
/// <param name="BodyType">Media type of the body.</param>
sealed record AttackRoute(string Method, string Path, JsonNode? Body, string BodyType)
{
    static readonly string[] Methods = ["get", "post", "put", "delete", "patch", "head", "options"];

    /// <summary>All operations of a document but those below the addresses to leave alone.</summary>
    public static IReadOnlyList<AttackRoute> Read(JsonNode document, IReadOnlyCollection<string> skip)
    {
        List<AttackRoute> routes = [];
        foreach ((string path, JsonNode? operations) in document["paths"]?.AsObject() ?? [])
        {
            bool left = skip.Any(prefix => path.StartsWith(prefix, StringComparison.Ordinal));
            foreach ((string method, JsonNode? operation) in left ? [] : operations!.AsObject().Where(operation => Methods.Contains(operation.Key)))
            {
                (string type, JsonNode? content) = operation?["requestBody"]?["content"]?.AsObject().FirstOrDefault() ?? new("application/json", null);
                routes.Add(new AttackRoute(method.ToUpperInvariant(), path, content?["schema"], type));
            }
        }

        return routes;
    }
}
