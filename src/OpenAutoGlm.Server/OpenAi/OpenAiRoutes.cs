using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;

namespace OpenAutoGlm.Server.OpenAi;

/// <summary>The routes of OpenAI's API that answer with text.</summary>
static class OpenAiRoutes
{
    public static void Map(IEndpointRouteBuilder routes, TextFlow flow)
    {
        routes.MapPost("/v1/chat/completions", flow.Handle((_, body) => ParameterTable.Read(Routes.Chat, body)));
        routes.MapPost("/v1/completions", flow.Handle((_, body) => ParameterTable.Read(Routes.Completions, body)));
    }
}
