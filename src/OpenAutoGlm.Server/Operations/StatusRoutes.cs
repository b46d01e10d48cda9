using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.OpenAi.Responses;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Operations;

/// <summary>/health and /version: whether to send requests here, and what this is. Nothing of models or machine.</summary>
static class StatusRoutes
{
    static readonly string[] Reading = ["GET", "HEAD"];

    internal static readonly string Version = (typeof(StatusRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0")
        .Split('+')[0];

    public static void Map(IEndpointRouteBuilder routes, Admission admission)
    {
        routes.MapMethods("/health", Reading, context =>
        {
            context.Response.StatusCode = admission.Closed ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
            return WireJson.WriteAsync(context.Response, new HealthBody(admission.Closed ? "stopping" : "ready"), WireJson.Wire.HealthBody, context.RequestAborted);
        });
        routes.MapMethods("/version", Reading, context =>
            WireJson.WriteAsync(context.Response, new VersionBody("open-autoglm", Version), WireJson.Wire.VersionBody, context.RequestAborted));
    }
}
