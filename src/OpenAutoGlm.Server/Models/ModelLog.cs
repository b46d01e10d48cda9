using Microsoft.Extensions.Logging;

namespace OpenAutoGlm.Server.Models;

/// <summary>What the log says of models: names, sources and numbers, nothing that a client wrote.</summary>
static partial class ModelLog
{
    [LoggerMessage(20, LogLevel.Information, "{Model}: {Stage} ({Source})")]
    public static partial void Stage(ILogger logger, string model, string stage, string source);

    [LoggerMessage(21, LogLevel.Information, "{Model}: loaded in {Seconds:F1} s, {Mebibytes:F1} MiB, context {ContextLength} tokens. {Description}")]
    public static partial void Loaded(ILogger logger, string model, double seconds, double mebibytes, int contextLength, string? description);

    // With an exception where it is a fault of this program's own.
    [LoggerMessage(22, LogLevel.Error, "{Model}: could not be loaded from {Source}: {Reason}")]
    public static partial void LoadFailed(ILogger logger, string model, string source, string reason, Exception? error);

    [LoggerMessage(23, LogLevel.Information, "{Model}: the load was broken off.")]
    public static partial void Abandoned(ILogger logger, string model);

    [LoggerMessage(24, LogLevel.Information, "{Model}: to be unloaded ({Reason}) after {Running} running requests.")]
    public static partial void Draining(ILogger logger, string model, string reason, int running);

    [LoggerMessage(25, LogLevel.Information, "{Model}: unloaded, {Mebibytes:F1} MiB are free again.")]
    public static partial void Freed(ILogger logger, string model, double mebibytes);

    [LoggerMessage(26, LogLevel.Error, "{Model}: could not be freed without a fault.")]
    public static partial void FreeingFailed(ILogger logger, string model, Exception error);

    [LoggerMessage(27, LogLevel.Information, "{Model}: swapped to {Source}.")]
    public static partial void Swapped(ILogger logger, string model, string source);
}
