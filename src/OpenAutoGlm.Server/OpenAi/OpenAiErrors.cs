using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.OpenAi.Responses;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi;

/// <summary>Errors as OpenAI's clients read them.</summary>
sealed class OpenAiErrors : IErrorForm
{
    public static ErrorBody Body(ApiError error) => new(new ErrorDetail(error.Message, error.Type, error.Param, error.Code));

    public Task WriteAsync(HttpContext context, ApiError error) =>
        WireJson.WriteAsync(context.Response, Body(error), WireJson.Wire.ErrorBody, context.RequestAborted);
}
