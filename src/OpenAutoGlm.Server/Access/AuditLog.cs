using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// Writes down who did what beneath /admin and how it ended, attempts that were refused included: as the category
/// OpenAutoGlm.Audit. No key, no body and no query; looking (GET) that succeeded is not written down.
/// </summary>
sealed partial class AuditLog(RequestDelegate next, ILogger logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments("/admin", StringComparison.OrdinalIgnoreCase))
        {
            await next(context);
            return;
        }

        try
        {
            await next(context);
        }
        finally
        {
            bool looked = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
            if (!looked || context.Response.StatusCode is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden)
            {
                Write(context);
            }
        }
    }

    void Write(HttpContext context)
    {
        RequestRecord record = RequestRecord.Of(context);
        string route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "-";
        Did(logger, context.TraceIdentifier, record.Caller?.Key.Name ?? "-", $"{context.Connection.RemoteIpAddress}", Plain(context.Request.Method), route,
            string.Join(", ", context.Request.RouteValues.Select(value => $"{value.Key}={Plain(Convert.ToString(value.Value, CultureInfo.InvariantCulture) ?? "")}")),
            context.Response.StatusCode, record.Outcome);
    }

    /// <summary>What a client wrote, without what could make a second line of it.</summary>
    static string Plain(string text) => ApiError.Clip(string.Concat(text.Select(character => char.IsControl(character) ? '?' : character)));

    [LoggerMessage(20, LogLevel.Warning, "{RequestId} key {Key} from {Address}: {Method} {Route} {Values} {Status} {Outcome}")]
    private static partial void Did(ILogger logger, string requestId, string key, string address, string method, string route, string values, int status, string outcome);
}
