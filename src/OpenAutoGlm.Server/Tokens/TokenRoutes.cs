using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Tokens;

/// <summary>/tokenize, /detokenize and /apply-template, at the root and under /v1: what a model makes of a text before it runs.</summary>
static class TokenRoutes
{
    public static void Map(IEndpointRouteBuilder routes, ModelFlow flow)
    {
        foreach (string prefix in new[] { "", "/v1" })
        {
            routes.MapPost(prefix + "/tokenize", flow.Handle(PromptBody.ReadTextOrConversation, TokenizeAsync));
            routes.MapPost(prefix + "/detokenize", flow.Handle(TokensBody.Read, DetokenizeAsync));
            routes.MapPost(prefix + "/apply-template", flow.Handle(PromptBody.ReadConversation, ApplyTemplateAsync));
        }
    }

    static Task TokenizeAsync(ModelCall<PromptBody> call)
    {
        ImmutableArray<int> tokens = call.Tools.Encode(call.Request.Prompt(), call.Cancellation);
        call.Record.PromptTokens = tokens.Length;
        ImmutableArray<string>? texts = call.Request.ReturnTexts ? [.. tokens.Select(call.Tools.Tokenizer.TokenText)] : null;
        return call.Request.WithPieces
            ? WireJson.WriteAsync(
                call.Context.Response,
                new PiecesAnswer(tokens.Length, call.Model.ContextLength, [.. tokens.Select(token => new Piece(token, call.Tools.Tokenizer.TokenText(token)))], texts),
                TokenJson.Wire.PiecesAnswer,
                call.Cancellation)
            : WireJson.WriteAsync(call.Context.Response, new TokensAnswer(tokens.Length, call.Model.ContextLength, tokens, texts), TokenJson.Wire.TokensAnswer, call.Cancellation);
    }

    static Task DetokenizeAsync(ModelCall<TokensBody> call)
    {
        ImmutableArray<int> tokens = call.Request.Tokens!.Value;
        int size = call.Tools.Tokenizer.VocabularySize;
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)size)
            {
                throw new ApiException(ApiError.Invalid("tokens", $"tokens[{i}] is {tokens[i]}, but the vocabulary has 0 to {size - 1}."));
            }
        }

        string text = call.Tools.Tokenizer.Decode(tokens.AsSpan(), skipSpecials: false);
        return WireJson.WriteAsync(call.Context.Response, new TextAnswer(text, text), TokenJson.Wire.TextAnswer, call.Cancellation);
    }

    static Task ApplyTemplateAsync(ModelCall<PromptBody> call) =>
        WireJson.WriteAsync(call.Context.Response, new RenderedAnswer(call.Tools.Render(call.Request.Chat(), call.Cancellation)), TokenJson.Wire.RenderedAnswer, call.Cancellation);
}

sealed record TokensAnswer(int Count, int MaxModelLen, ImmutableArray<int> Tokens, ImmutableArray<string>? TokenStrs);

sealed record PiecesAnswer(int Count, int MaxModelLen, ImmutableArray<Piece> Tokens, ImmutableArray<string>? TokenStrs);

sealed record Piece(int Id, [property: JsonPropertyName("piece")] string Text);

/// <summary>A text under the two names that clients look for.</summary>
sealed record TextAnswer(string Prompt, string Content);

sealed record RenderedAnswer(string Prompt);

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(TokensAnswer))]
[JsonSerializable(typeof(PiecesAnswer))]
[JsonSerializable(typeof(TextAnswer))]
[JsonSerializable(typeof(RenderedAnswer))]
sealed partial class TokenJson : JsonSerializerContext
{
    public static TokenJson Wire { get; } = new(WireJson.CreateOptions());
}
