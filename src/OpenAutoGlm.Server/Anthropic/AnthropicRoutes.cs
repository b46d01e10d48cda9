using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>The routes of Anthropic's API.</summary>
static class AnthropicRoutes
{
    public static void Map(IEndpointRouteBuilder routes, TextFlow flow)
    {
        routes.MapPost("/v1/messages", flow.Handle(ReadMessages));
        routes.MapPost("/v1/messages/count_tokens", flow.HandleCount(ReadCount, WriteCount));
    }

    static MessagesRequest ReadMessages(HttpContext context, JsonElement body)
    {
        MessagesDraft draft = new();
        MessagesTable.Messages.Read(draft, body);
        return draft.Complete(context.TraceIdentifier);
    }

    static PromptRequest ReadCount(HttpContext context, JsonElement body)
    {
        MessagesDraft draft = new();
        MessagesTable.CountTokens.Read(draft, body);
        return draft.CompleteCount();
    }

    static Task WriteCount(HttpContext context, int tokens) =>
        WireJson.WriteAsync(context.Response, new TokenCount(tokens), AnthropicJson.Wire.TokenCount, context.RequestAborted);
}
