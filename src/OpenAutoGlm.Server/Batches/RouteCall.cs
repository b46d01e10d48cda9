using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>An answer of a route that was called from within.</summary>
sealed record RouteAnswer(int Status, string RequestId, byte[] Body);

/// <summary>Calls a route of this server as a client would, without a connection: the same code reads, runs, answers and refuses.</summary>
sealed class RouteCall(Func<IEnumerable<RouteEndpoint>> endpoints, ILogger logger, ServerOptions options)
{
    /// <summary>Posts a JSON body.</summary>
    /// <exception cref="OperationCanceledException">The token fired before there was an answer.</exception>
    public async Task<RouteAnswer> PostAsync(string address, byte[] body, CancellationToken cancellation)
    {
        RouteEndpoint endpoint = endpoints().First(endpoint => endpoint.RoutePattern.RawText == address && endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("POST") == true);
        using MemoryStream answer = new();
        DefaultHttpContext context = new() { RequestAborted = cancellation, TraceIdentifier = $"req-{Guid.NewGuid():N}" };
        context.SetEndpoint(endpoint);
        context.Features.Set(new RequestRecord());
        context.Request.Method = HttpMethods.Post;
        context.Request.Path = address;
        context.Request.ContentType = "application/json";
        context.Request.ContentLength = body.Length;
        context.Request.Body = new MemoryStream(body, writable: false);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(answer));
        await new ErrorResponses(endpoint.RequestDelegate!, logger, options).InvokeAsync(context);
        cancellation.ThrowIfCancellationRequested();
        await context.Response.BodyWriter.FlushAsync(cancellation);
        return new RouteAnswer(context.Response.StatusCode, context.TraceIdentifier, answer.ToArray());
    }
}
