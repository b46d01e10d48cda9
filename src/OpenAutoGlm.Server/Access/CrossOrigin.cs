using System.Collections.Immutable;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// Lets pages of other origins call the API, where that was switched on (CORS); without, browsers keep them out. Keys are
/// in headers and never in cookies, so credentials mode stays off. What is beneath /admin is for nobody else's pages.
/// Source: WHATWG Fetch, §3.3 CORS protocol.
/// </summary>
sealed class CrossOrigin(RequestDelegate next, ImmutableArray<string> origins)
{
    const string Methods = "GET, HEAD, POST, DELETE";
    const string Exposed = "X-Request-Id, Retry-After, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, "
        + "x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens";
    const int LongestList = 2048;

    public Task InvokeAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        IHeaderDictionary headers = context.Response.Headers;
        bool any = origins.Contains("*");
        if (!any)
        {
            headers.Append("Vary", "Origin");
        }

        string origin = request.Headers.Origin.ToString();
        bool allowed = origin.Length > 0 && (any || origins.Contains(origin)) && !request.Path.StartsWithSegments("/admin", StringComparison.OrdinalIgnoreCase);
        bool isPreflight = HttpMethods.IsOptions(request.Method) && origin.Length > 0 && request.Headers.ContainsKey("Access-Control-Request-Method");
        if (allowed)
        {
            headers.AccessControlAllowOrigin = any ? "*" : origin;
            headers.AccessControlExposeHeaders = Exposed;
        }

        if (!isPreflight)
        {
            return next(context);
        }

        if (allowed)
        {
            StringValues wanted = request.Headers.AccessControlRequestHeaders;
            headers.AccessControlAllowMethods = Methods;
            headers.AccessControlAllowHeaders = IsListOfNames(wanted.ToString()) ? wanted : "authorization, content-type, x-api-key";
            headers.AccessControlMaxAge = "600";
            headers.Append("Vary", "Access-Control-Request-Headers");
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>Whether a request comes from a page of this server or from no page at all.</summary>
    public static bool IsOwn(HttpRequest request)
    {
        string site = request.Headers["Sec-Fetch-Site"].ToString();
        string origin = request.Headers.Origin.ToString();

        // Browsers leave the first out of plain HTTP. A proxy that ends TLS changes the scheme, so only host and port count.
        return site.Length > 0
            ? site is "same-origin" or "none"
            : origin.Length == 0 || (Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && uri.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Whether a name of a host can only mean this machine, so that no other site's name was made to point here.</summary>
    public static bool IsLocalName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    static bool IsListOfNames(string list) =>
        list.Length is > 0 and <= LongestList && list.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or ',' or ' ');
}
