using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.OpenAi.Responses;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Operations;

/// <summary>
/// /health: whether the process is well, or must be started anew. /ready: whether to send requests here. /version: what
/// this is. Nothing of models or machine.
/// </summary>
static class StatusRoutes
{
    static readonly string[] Reading = ["GET", "HEAD"];

    internal static readonly string Version = (typeof(StatusRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0")
        .Split('+')[0];

    public static void Map(IEndpointRouteBuilder routes, Admission admission, Func<bool> failed)
    {
        routes.MapMethods("/health", Reading, context => failed()
            ? WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "failed")
            : WriteAsync(context, StatusCodes.Status200OK, admission.Closed ? "stopping" : "ready"));
        routes.MapMethods("/ready", Reading, context => failed() ? WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "failed")
            : admission.Closed ? WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "stopping")
            : WriteAsync(context, StatusCodes.Status200OK, "ready"));
        routes.MapMethods("/version", Reading, context =>
            WireJson.WriteAsync(context.Response, new VersionBody("open-autoglm", Version), WireJson.Wire.VersionBody, context.RequestAborted));
    }

    static Task WriteAsync(HttpContext context, int status, string state)
    {
        context.Response.StatusCode = status;
        return WireJson.WriteAsync(context.Response, new HealthBody(state), WireJson.Wire.HealthBody, context.RequestAborted);
    }
}
