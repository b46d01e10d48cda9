using Microsoft.Extensions.Logging;

namespace OpenAutoGlm.Server.Operations;

/// <summary>
/// All that the server logs. No prompt, no answer, no header and no path as a client sent it: routes are logged by
/// their patterns, models by their served ids, and request ids are of letters, digits and - _ . : only.
/// </summary>
static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "Serving {Models} on {Urls}.")]
    public static partial void Started(ILogger logger, string models, string urls);

    [LoggerMessage(2, LogLevel.Information, "{RequestId} {Route} {Status} {Outcome} key {Key} model {Model}, {PromptTokens} + {CompletionTokens} tokens, {ElapsedMs:F1} ms")]
    public static partial void Served(
        ILogger logger, string requestId, string route, int status, string outcome, string key, string model, int promptTokens, int completionTokens, double elapsedMs);

    [LoggerMessage(3, LogLevel.Error, "{RequestId} failed.")]
    public static partial void Failed(ILogger logger, string requestId, Exception exception);

    [LoggerMessage(4, LogLevel.Information, "Stopping: {Running} requests may go on for {DrainSeconds} s.")]
    public static partial void Stopping(ILogger logger, int running, double drainSeconds);

    [LoggerMessage(5, LogLevel.Warning, "{Running} requests did not end in time and are cancelled.")]
    public static partial void CutOff(ILogger logger, int running);
}
