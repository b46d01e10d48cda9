using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// Lets nobody through without a key, whatever the address, but for those that were opened by name. A key is shown as
/// Authorization: Bearer KEY, as x-api-key: KEY, or as the password of HTTP Basic, which is what a browser can ask for.
/// Where there are no keys, what is beneath /admin answers the machine itself only.
/// </summary>
sealed class KeyGate(RequestDelegate next, ServerOptions options, Callers? callers)
{
    const string Admin = "/admin";
    const string Metrics = "/metrics";
    const string ApiKeyHeader = "x-api-key";
    const string BearerScheme = "Bearer ";
    const string BasicScheme = "Basic ";

    /// <summary>What a proxy adds. Who comes through one may sit anywhere.</summary>
    static readonly string[] OfProxies = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"];

    /// <summary>What every role may see.</summary>
    static readonly string[] Harmless = ["/health", "/ready", "/version"];

    public async Task InvokeAsync(HttpContext context)
    {
        if (callers is null)
        {
            CheckAdminWithoutKeys(context);
            await next(context);
            return;
        }

        if (Find(context) is not { } caller)
        {
            await (IsOpen(context) ? next(context) : throw Unknown(context));
            return;
        }

        RequestRecord.Of(context).Caller = caller;
        if (!IsOpen(context))
        {
            CheckRole(context, caller.Key);
        }

        try
        {
            if (!IsReading(context))
            {
                caller.CountRequest();
            }
        }
        finally
        {
            caller.WriteHeaders(context.Response.Headers);
        }

        await next(context);
    }

    Caller? Find(HttpContext context)
    {
        IHeaderDictionary headers = context.Request.Headers;
        string authorization = headers.Authorization.ToString();
        Caller? caller = null;
        if (authorization.StartsWith(BearerScheme, StringComparison.OrdinalIgnoreCase))
        {
            caller = callers!.Find(authorization[BearerScheme.Length..].Trim());
        }
        else if (authorization.StartsWith(BasicScheme, StringComparison.OrdinalIgnoreCase))
        {
            caller = Password(authorization[BasicScheme.Length..].Trim()) is { } password ? callers!.Find(password) : null;

            // A browser sends a password that it knows along with whatever any other page asks for.
            if (caller is not null && !IsReading(context) && !CrossOrigin.IsOwn(context.Request))
            {
                throw new ApiException(ApiError.Forbidden("cross_origin", "Another site's page may not do this with the password that the browser keeps."));
            }
        }

        return caller ?? (headers[ApiKeyHeader] is { Count: 1 } shown ? callers!.Find(shown.ToString()) : null);
    }

    static string? Password(string encoded)
    {
        byte[] bytes = new byte[encoded.Length];
        return encoded.Length <= 2 * KeyRing.LongestKey && Convert.TryFromBase64String(encoded, bytes, out int length)
            && Encoding.UTF8.GetString(bytes.AsSpan(0, length)) is var pair && pair.IndexOf(':') is >= 0 and var colon
            ? pair[(colon + 1)..]
            : null;
    }

    /// <summary>Whether an address was opened by its name: that path exactly, however it is cased or ended.</summary>
    bool IsOpen(HttpContext context) =>
        options.OpenRoutes.Any(route => context.Request.Path.Equals(route, StringComparison.OrdinalIgnoreCase));

    static ApiException Unknown(HttpContext context)
    {
        // Only the page asks for a password; a dialog that pops up for a program's request would help nobody.
        bool isPage = context.Request.Path == "/" || context.Request.Path == PathString.Empty;
        context.Response.Headers.WWWAuthenticate = isPage ? "Basic realm=\"open-autoglm\", charset=\"UTF-8\"" : "Bearer realm=\"open-autoglm\"";
        bool shown = context.Request.Headers.Authorization.Count > 0 || context.Request.Headers.ContainsKey(ApiKeyHeader);
        return new ApiException(ApiError.Unauthorized(shown));
    }

    static void CheckRole(HttpContext context, ApiKey key)
    {
        PathString path = context.Request.Path;
        bool allowed = key.Role switch
        {
            KeyRole.Admin => true,
            _ when Harmless.Any(route => path.Equals(route, StringComparison.OrdinalIgnoreCase)) => true,
            KeyRole.Monitor => path.StartsWithSegments(Metrics, StringComparison.OrdinalIgnoreCase),
            _ => !path.StartsWithSegments(Admin, StringComparison.OrdinalIgnoreCase) && !path.StartsWithSegments(Metrics, StringComparison.OrdinalIgnoreCase),
        };
        if (!allowed)
        {
            throw new ApiException(ApiError.Forbidden("role_not_allowed", $"The key '{key.Name}' has the role {key.Role.ToString().ToLowerInvariant()}, which is not good for this address."));
        }
    }

    /// <summary>Without keys whoever sits at the machine is trusted, but not a page from elsewhere in their browser.</summary>
    static void CheckAdminWithoutKeys(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments(Admin, StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        if (context.Connection.RemoteIpAddress is not { } address || !IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)
            || OfProxies.Any(context.Request.Headers.ContainsKey))
        {
            throw new ApiException(ApiError.Forbidden("admin_is_local", "Without keys this address answers the machine itself only. Start the server with --api-key or --api-keys."));
        }

        if (!CrossOrigin.IsLocalName(context.Request.Host.Host) || !CrossOrigin.IsOwn(context.Request))
        {
            throw new ApiException(ApiError.Forbidden("cross_origin", "Without keys this address answers pages of this server only, under a name of this machine such as localhost."));
        }
    }

    static bool IsReading(HttpContext context) => HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
}
