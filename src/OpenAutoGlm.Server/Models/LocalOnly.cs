using System.Net;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>
/// Keeps addresses that nobody needs a key for to this machine: to connections of its own, and among those to requests that
/// no web page of somebody else sent through a browser here.
/// </summary>
static class LocalOnly
{
    /// <exception cref="ApiException">The request comes from elsewhere (403).</exception>
    public static void Check(HttpContext context)
    {
        IPAddress? from = context.Connection.RemoteIpAddress;
        HttpRequest request = context.Request;
        bool isLocal = from is not null && IPAddress.IsLoopback(from) && IsLoopback(request.Host.Host)
            && (request.Headers.Origin.Count == 0 || (Uri.TryCreate(request.Headers.Origin, UriKind.Absolute, out Uri? origin) && origin.Authority == request.Host.Value));
        if (!isLocal)
        {
            throw new ApiException(ApiError.LocalOnly());
        }
    }

    // A name that somebody else's DNS lets point here is none of this machine's.
    static bool IsLoopback(string host) => host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
}
