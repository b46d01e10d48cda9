using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace OpenAutoGlm.Server.Dashboard;

/// <summary>A file of the dashboard, as the assembly holds it.</summary>
sealed class DashboardFile
{
    readonly ReadOnlyMemory<byte> _content;
    readonly string _type;
    readonly EntityTagHeaderValue _tag;

    public DashboardFile(string name, byte[] content)
    {
        _content = content;
        _type = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            string other => throw new InvalidOperationException($"'{name}' is of no known type: {other}."),
        };
        _tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16))}\"");
    }

    /// <summary>Sends the file, or says that the browser has it already. The body of HEAD is left out by the server.</summary>
    public async Task SendAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        IHeaderDictionary headers = response.Headers;
        headers.ETag = _tag.ToString();
        headers.CacheControl = "no-cache"; // keep it, but ask whether it is still the same
        headers.ContentSecurityPolicy = DashboardPage.Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (Knows(context.Request))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = _type;
        response.ContentLength = _content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.BodyWriter.WriteAsync(_content, context.RequestAborted);
        }
    }

    bool Knows(HttpRequest request) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out IList<EntityTagHeaderValue>? known)
        && known.Any(tag => tag.Compare(_tag, useStrongComparison: false) || tag.Equals(EntityTagHeaderValue.Any));
}
