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
    public static void Map(IEndpointRouteBuilder routes, TextFlow flow, ModelFlow modelFlow)
    {
        routes.MapPost("/v1/messages", flow.Handle(ReadMessages));
        routes.MapPost("/v1/messages/count_tokens", modelFlow.Handle(ReadCount, CountAsync));
    }

    /// <summary>Tells the request's id under the name that Anthropic's clients read.</summary>
    public static void WriteRequestId(HttpContext context) => context.Response.Headers["request-id"] = context.TraceIdentifier;

    static MessagesRequest ReadMessages(HttpContext context, JsonElement body)
    {
        MessagesDraft draft = new();
        MessagesTable.Messages.Read(draft, body);
        WriteRequestId(context);
        return draft.Complete(context.TraceIdentifier);
    }

    static CountRequest ReadCount(JsonElement body)
    {
        MessagesDraft draft = new();
        MessagesTable.CountTokens.Read(draft, body);
        return draft.CompleteCount();
    }

    static Task CountAsync(ModelCall<CountRequest> call)
    {
        WriteRequestId(call.Context);
        call.Record.PromptTokens = call.Tools.Encode(call.Request.Prompt, call.Cancellation).Length;
        return WireJson.WriteAsync(call.Context.Response, new TokenCount(call.Record.PromptTokens), AnthropicJson.Wire.TokenCount, call.Cancellation);
    }
}
