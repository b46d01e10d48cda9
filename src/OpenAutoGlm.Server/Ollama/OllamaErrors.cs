using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>Errors as Ollama's clients read them: one sentence.</summary>
sealed class OllamaErrors : IErrorForm
{
    public Task WriteAsync(HttpContext context, ApiError error) =>
        WireJson.WriteAsync(context.Response, new ErrorBody(error.Message), OllamaJson.Wire.ErrorBody, context.RequestAborted);
}
