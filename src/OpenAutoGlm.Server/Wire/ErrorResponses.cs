using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Admin;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Wire;

/// <summary>Turns whatever ends a request into an error body, and routes that do not exist too.</summary>
sealed class ErrorResponses(RequestDelegate next, ILogger logger, ServerOptions options)
{
    const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (!context.Response.HasStarted && Unanswered(context) is { } error)
            {
                await WriteAsync(context, error);
            }
        }
        catch (Exception exception)
        {
            ApiError? error = Translate(exception, context, logger, options);
            if (context.Response.HasStarted)
            {
                // Half an answer is there and cannot be taken back: the broken connection says so.
                context.Abort();
            }
            else if (error is null)
            {
                context.Response.StatusCode = ClientClosedRequest;
            }
            else
            {
                await WriteAsync(context, error);
            }
        }
    }

    /// <summary>The error to tell; null where the client is gone. Logs what is our own fault.</summary>
    public static ApiError? Translate(Exception exception, HttpContext context, ILogger logger, ServerOptions options)
    {
        RunningRequest? running = RunningRequest.Of(context);
        bool cancelled = running is { IsCancelled: true, ClientGone.IsCancellationRequested: false };
        if (cancelled)
        {
            // To the route it looked as if the client had gone. It is there, and waits for an answer.
            context.RequestAborted = running!.ClientGone;
        }

        ApiError? error = exception switch
        {
            OperationCanceledException when cancelled => ApiError.CancelledByOperator(),
            ApiException api => api.Error,
            _ when context.RequestAborted.IsCancellationRequested => null,
            ConnectionResetException or ConnectionAbortedException => null,
            BadHttpRequestException bad => ApiError.From(bad, options.MaxBodyBytes),
            _ => ApiError.Internal(context.TraceIdentifier),
        };
        if (error is { Code: "internal_error" })
        {
            ServerLog.Failed(logger, context.TraceIdentifier, exception);
        }

        RequestRecord.Of(context).Outcome = error?.Code ?? "client_gone";
        return error;
    }

    static ApiError? Unanswered(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => ApiError.NoSuchRoute(),
        StatusCodes.Status405MethodNotAllowed => ApiError.WrongMethod(context.Response.Headers.Allow.ToString()),
        _ => null,
    };

    async Task WriteAsync(HttpContext context, ApiError error)
    {
        RequestRecord.Of(context).Outcome = error.Code ?? error.Type;
        HttpResponse response = context.Response;
        response.StatusCode = error.Status;
        if (error.RetryLater)
        {
            response.Headers.RetryAfter = ((int)Math.Ceiling((error.RetryAfter ?? options.RetryAfter).TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        if (error.CloseConnection)
        {
            response.Headers.Connection = "close";
        }

        await ErrorForms.Of(context).WriteAsync(context, error);
    }
}
