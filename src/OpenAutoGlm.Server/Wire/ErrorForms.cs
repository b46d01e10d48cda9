using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Anthropic;
using OpenAutoGlm.Server.Ollama;
using OpenAutoGlm.Server.OpenAi;

namespace OpenAutoGlm.Server.Wire;

/// <summary>The form of errors that a client of an address reads.</summary>
static class ErrorForms
{
    static readonly OpenAiErrors Common = new();

    static readonly (PathString Path, IErrorForm Form)[] Dialects =
    [
        ("/v1/messages", new AnthropicErrors()),
        ("/api", new OllamaErrors()),
    ];

    public static IErrorForm Of(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<IErrorForm>()
        ?? Dialects.FirstOrDefault(dialect => context.Request.Path.StartsWithSegments(dialect.Path)).Form
        ?? Common;
}
