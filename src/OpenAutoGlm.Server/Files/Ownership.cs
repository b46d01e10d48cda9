using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Access;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Files;

/// <summary>Whose files and batches are whose. Where there are keys, each sees its own; an administrator's sees all.</summary>
static class Ownership
{
    /// <summary>The name of the key that a request shows; null without keys.</summary>
    public static string? Of(HttpContext context) => RequestRecord.Of(context).Caller?.Key.Name;

    /// <summary>Whether a request may know of what belongs to somebody.</summary>
    public static bool Sees(HttpContext context, string? owner) =>
        RequestRecord.Of(context).Caller is not { Key: { } key } || key.Role == KeyRole.Admin || key.Name == owner;
}
