using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine;

namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// What went wrong, as OpenAI's clients read it. Every error that leaves the server is made by a method of this file.
/// Messages name parameters, limits and numbers, and never what a user wrote beyond a name of 64 characters.
/// </summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Type">The family of the error.</param>
/// <param name="Code">The error for programs.</param>
/// <param name="Message">The error for people: what is wrong, and what would be right.</param>
/// <param name="Param">The parameter at fault.</param>
sealed record ApiError(int Status, string Type, string? Code, string Message, string? Param = null)
{
    const string InvalidRequest = "invalid_request_error";
    const string Server = "server_error";

    /// <summary>Whether another try later may succeed.</summary>
    public bool RetryLater { get; init; }

    /// <summary>After how long that is; null for the server's usual time.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the connection is of no further use.</summary>
    public bool CloseConnection { get; init; }

    public static ApiError Invalid(string? parameter, string message, string code = "invalid_value") =>
        new(StatusCodes.Status400BadRequest, InvalidRequest, code, message, parameter);

    public static ApiError InvalidJson(string message, string? parameter = null) => Invalid(parameter, message, "invalid_json");

    public static ApiError Missing(string parameter) => Invalid(parameter, $"{parameter} is required.", "missing_required_parameter");

    public static ApiError Unknown(string parameter, string message) => Invalid(parameter, message, "unknown_parameter");

    public static ApiError Unsupported(string parameter, string message) => Invalid(parameter, message, "unsupported_parameter");

    public static ApiError ModelNotFound(string name, IEnumerable<string> known) =>
        new(StatusCodes.Status404NotFound, InvalidRequest, "model_not_found",
            $"The model '{Clip(name)}' is not served here. Served: {string.Join(", ", known.Select(id => $"'{id}'"))}.", "model");

    public static ApiError NoSuchRoute() =>
        new(StatusCodes.Status404NotFound, InvalidRequest, "unknown_url", "There is nothing at this address. The API begins at /v1.");

    public static ApiError WrongMethod(string allowed) =>
        new(StatusCodes.Status405MethodNotAllowed, InvalidRequest, "method_not_allowed", $"This address takes {allowed} only.");

    public static ApiError BodyTooLarge(long limit) =>
        new(StatusCodes.Status413PayloadTooLarge, InvalidRequest, "request_too_large", $"The body is larger than {limit} bytes.") { CloseConnection = true };

    public static ApiError WrongMediaType(string message) =>
        new(StatusCodes.Status415UnsupportedMediaType, InvalidRequest, "unsupported_media_type", message);

    public static ApiError TooManyRequests(string message) =>
        new(StatusCodes.Status429TooManyRequests, "rate_limit_error", "queue_full", message) { RetryLater = true };

    public static ApiError RateLimited(string code, string message, TimeSpan wait) =>
        new(StatusCodes.Status429TooManyRequests, "rate_limit_error", code, message) { RetryLater = true, RetryAfter = wait };

    /// <summary>No key, or none that is known. What was shown is not repeated.</summary>
    public static ApiError Unauthorized(bool shown) =>
        new(StatusCodes.Status401Unauthorized, InvalidRequest, "invalid_api_key",
            shown ? "The key is not known here." : "A key is needed: send it as Authorization: Bearer KEY or as x-api-key: KEY.");

    public static ApiError Forbidden(string code, string message, string? parameter = null) =>
        new(StatusCodes.Status403Forbidden, "permission_error", code, message, parameter);

    public static ApiError TookTooLong(TimeSpan limit) =>
        new(StatusCodes.Status504GatewayTimeout, Server, "time_limit", $"The answer took more than {limit.TotalSeconds:0.###} s, the limit of this server.") { RetryLater = true };

    public static ApiError ShuttingDown() =>
        new(StatusCodes.Status503ServiceUnavailable, Server, "shutting_down", "The server is shutting down.") { RetryLater = true, CloseConnection = true };

    public static ApiError NoSuchRequest() =>
        new(StatusCodes.Status404NotFound, InvalidRequest, "request_not_found", "No such request is running: it has ended, or never was.");

    /// <summary>The status is the one that gRPC's CANCELLED maps to; no client sends such a request again by itself.</summary>
    public static ApiError CancelledByOperator() =>
        new(StatusCodes.Status499ClientClosedRequest, InvalidRequest, "request_cancelled", "An operator of the server cancelled this request.");

    public static ApiError ReadTooSlowly() =>
        new(StatusCodes.Status500InternalServerError, Server, "slow_reader", "The answer was read too slowly and was cut off.");

    public static ApiError Internal(string requestId) =>
        new(StatusCodes.Status500InternalServerError, Server, "internal_error", $"The server failed on this request. Its log has the cause under {requestId}.");

    /// <summary>What Kestrel found wrong while the body was read.</summary>
    public static ApiError From(BadHttpRequestException exception, long bodyLimit) => exception.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => BodyTooLarge(bodyLimit),
        StatusCodes.Status408RequestTimeout => new(exception.StatusCode, InvalidRequest, "request_timeout", "The body came too slowly.") { CloseConnection = true },
        _ => new(StatusCodes.Status400BadRequest, InvalidRequest, "bad_request", "The request is not well-formed HTTP, or its body is incomplete.") { CloseConnection = true },
    };

    /// <summary>What the engine refused. The parameters are spelled as the client spelled them.</summary>
    public static ApiError From(RequestRefusedException refusal, string promptParameter, string? maxTokensParameter = null, string? constraintParameter = null)
    {
        string? parameter = refusal.Parameter switch
        {
            "prompt" => promptParameter,
            "max_tokens" => maxTokensParameter ?? promptParameter,
            "response_format" => constraintParameter ?? refusal.Parameter,
            _ => refusal.Parameter,
        };
        return refusal.Reason switch
        {
            RefusalReason.QueueFull => TooManyRequests(refusal.Message),
            RefusalReason.ShuttingDown => ShuttingDown(),
            RefusalReason.PromptTooLong or RefusalReason.ContextExceeded or RefusalReason.KvMemoryExceeded =>
                Invalid(parameter ?? promptParameter, refusal.Message, "context_length_exceeded"),
            RefusalReason.PromptEmpty => Invalid(parameter ?? promptParameter, refusal.Message),
            _ => Invalid(parameter, refusal.Message),
        };
    }

    /// <summary>A name that a client made up, short enough to be shown.</summary>
    public static string Clip(string name) => name.Length <= 64 ? name : string.Concat(name.AsSpan(0, char.IsHighSurrogate(name[63]) ? 63 : 64), "…");
}

/// <summary>Ends a request with an error.</summary>
sealed class ApiException(ApiError error) : Exception(error.Message)
{
    public ApiError Error { get; } = error;
}
