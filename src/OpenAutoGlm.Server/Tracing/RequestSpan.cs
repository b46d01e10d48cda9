using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Tracing;

/// <summary>
/// The span of a request over HTTP, which goes on where the client's traceparent says. No prompt, no answer, no key and
/// nothing of the address but its route. Without a listener it costs nothing.
/// Source: W3C Trace Context; OpenTelemetry semantic conventions for HTTP spans.
/// </summary>
static class RequestSpan
{
    /// <summary>The server's source of spans, for whoever listens.</summary>
    public const string SourceName = "OpenAutoGlm.Server";

    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>Begins the span; null where nobody listens, or the listener does not want it.</summary>
    public static Activity? Start(HttpContext context)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        IHeaderDictionary headers = context.Request.Headers;
        ActivityContext.TryParse(headers.TraceParent.ToString(), headers.TraceState.ToString(), isRemote: true, out ActivityContext parent);

        // The web framework may have begun a span of its own, which nobody exports and which would be our lost parent.
        Activity.Current = null;
        return Source.StartActivity("request", ActivityKind.Server, parent);
    }

    /// <summary>Ends it with what became of the request.</summary>
    public static void End(Activity? span, HttpContext context, string route, RequestRecord record)
    {
        if (span is null)
        {
            return;
        }

        span.DisplayName = route == "-" ? context.Request.Method : $"{context.Request.Method} {route}";
        span.SetTag("http.request.method", context.Request.Method);
        span.SetTag("http.route", route);
        span.SetTag("http.response.status_code", context.Response.StatusCode);
        span.SetTag("autoglm.request_id", context.TraceIdentifier);
        span.SetTag("gen_ai.request.model", record.Model);
        span.SetTag("gen_ai.usage.input_tokens", record.PromptTokens);
        span.SetTag("gen_ai.usage.output_tokens", record.CompletionTokens);
        if (record.Caller is { } caller)
        {
            span.SetTag("autoglm.key", caller.Key.Name);
        }

        if (record.Outcome != "ok")
        {
            span.SetTag("error.type", record.Outcome);
            if (context.Response.StatusCode >= StatusCodes.Status500InternalServerError)
            {
                span.SetStatus(ActivityStatusCode.Error);
            }
        }

        span.Dispose();
    }
}
