using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>GET /openapi.json. The document is made when it is first asked for: by then every route is mapped.</summary>
static class OpenApiRoute
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        Lazy<byte[]> document = new(() => Encoding.UTF8.GetBytes(OpenApiDocument.Describe(Endpoints(routes), StatusRoutes.Version).ToJsonString(WireJson.CreateOptions())));
        routes.MapGet("/openapi.json", async context =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.ContentLength = document.Value.Length;
            await context.Response.BodyWriter.WriteAsync(document.Value, context.RequestAborted);
        });
    }

    /// <summary>All that a server has mapped.</summary>
    public static IEnumerable<RouteEndpoint> Endpoints(IEndpointRouteBuilder routes) => routes.DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>();
}
