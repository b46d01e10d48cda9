using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Metrics;

namespace OpenAutoGlm.Server.Operations;

/// <summary>Gives every request an id, the client's own where it is harmless, and logs how it ended.</summary>
sealed class RequestTracking(RequestDelegate next, ILogger logger, RequestMetrics metrics, TimeProvider time)
{
    const string Header = "X-Request-Id";
    const int LongestId = 128;

    public async Task InvokeAsync(HttpContext context)
    {
        string id = context.Request.Headers[Header].ToString() is var sent && IsHarmless(sent) ? sent : $"req-{Guid.NewGuid():N}";
        context.TraceIdentifier = id;
        context.Response.Headers[Header] = id;
        RequestRecord record = new();
        context.Features.Set(record);
        RequestRecord.Current = record;
        long started = time.GetTimestamp();
        try
        {
            await next(context);
        }
        finally
        {
            string route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "-";
            record.Settle();
            TimeSpan took = time.GetElapsedTime(started);
            metrics.Count(route, context.Request.Method, context.Response.StatusCode, record.Outcome, record.Model, took);
            ServerLog.Served(logger, id, route, context.Response.StatusCode, record.Outcome, record.Caller?.Key.Name ?? "-", record.Model,
                record.PromptTokens, record.CompletionTokens, took.TotalMilliseconds);
        }
    }

    static bool IsHarmless(string id) =>
        id.Length is > 0 and <= LongestId && id.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' or ':');
}
