using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Admin;

/// <summary>
/// Stands before everything under /admin. A page of another site must not reach it through an operator's browser, and
/// where no key is asked for, nobody but a program of this machine may.
/// Source: W3C Fetch Metadata Request Headers, §2; OWASP on DNS rebinding.
/// </summary>
/// <param name="next">What is guarded.</param>
/// <param name="keys">Whether a key is asked for.</param>
sealed class AdminGuard(RequestDelegate next, bool keys)
{
    const string Prefix = "/admin";

    static readonly string[] ForwardingHeaders = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"];

    /// <summary>Whether a route is under /admin.</summary>
    public static bool Guards(string route) =>
        route.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && (route.Length == Prefix.Length || route[Prefix.Length] == '/');

    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } route } && Guards(route))
        {
            Check(context);
            context.Response.Headers.CacheControl = "no-store";
        }

        return next(context);
    }

    void Check(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!keys)
        {
            RequireThisMachine(context.Connection.RemoteIpAddress, request);
        }

        // Browsers since 2023 say where a request comes from; older ones send the origin with everything but plain reading.
        if (request.Headers["Sec-Fetch-Site"].ToString() is { Length: > 0 } site && site is not ("same-origin" or "none"))
        {
            throw Refused("This address answers its own pages only, and the request comes from another site's.");
        }

        if (request.Headers.Origin.ToString() is { Length: > 0 } origin
            && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase))
        {
            throw Refused("This address answers its own pages only, and the header Origin names another site.");
        }
    }

    static void RequireThisMachine(IPAddress? remote, HttpRequest request)
    {
        if (remote is null || !IPAddress.IsLoopback(remote) || ForwardingHeaders.Any(request.Headers.ContainsKey))
        {
            throw Refused("Without keys this address answers programs of its own machine only: set a key, or open a tunnel (ssh -L).");
        }

        // A name that another site made point to this machine is that site's name still.
        string host = request.Host.Host;
        if (!host.Equals("localhost", StringComparison.OrdinalIgnoreCase) && !host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase) && !IPAddress.TryParse(host, out _))
        {
            throw Refused("Without keys this address answers to localhost and to IP addresses only, not to other names in the header Host.");
        }
    }

    static ApiException Refused(string message) => new(ApiError.NotForYou(message));
}
