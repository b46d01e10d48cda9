using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>Errors as Anthropic's clients read them: by type, which follows from the status.</summary>
sealed class AnthropicErrors : IErrorForm
{
    public static ErrorBody Body(ApiError error, string requestId) => new(new ErrorDetail(TypeOf(error), error.Message), requestId);

    public Task WriteAsync(HttpContext context, ApiError error)
    {
        AnthropicRoutes.WriteRequestId(context);
        return WireJson.WriteAsync(context.Response, Body(error, context.TraceIdentifier), AnthropicJson.Wire.ErrorBody, context.RequestAborted);
    }

    static string TypeOf(ApiError error) => error.Status switch
    {
        StatusCodes.Status401Unauthorized => "authentication_error",
        StatusCodes.Status403Forbidden => "permission_error",
        StatusCodes.Status404NotFound => "not_found_error",
        StatusCodes.Status413PayloadTooLarge => "request_too_large",
        StatusCodes.Status429TooManyRequests => "rate_limit_error",
        StatusCodes.Status503ServiceUnavailable => "overloaded_error",
        >= 500 => "api_error",
        _ => "invalid_request_error",
    };
}
