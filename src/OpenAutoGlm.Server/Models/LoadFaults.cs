using System.Globalization;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Server.Models;

/// <summary>A model needs more memory than it can ever get.</summary>
sealed class ModelTooLargeException(long needed, long available, long limit) : Exception(
    $"It needs {Size(needed)} of memory and can get {Size(available)} of the {Size(limit)} that all models together may take{(available < limit ? "; pinned models have the rest" : "")}.")
{
    static string Size(long bytes) => $"{(bytes / (double)(1 << 20)).ToString("N1", CultureInfo.InvariantCulture)} MiB";
}

/// <summary>What clients are told of a failed load. The whole story may name files, and is for operators.</summary>
static class LoadFaults
{
    const string Unexpected = "the server failed at it.";

    public static string Reason(Exception error) => error switch
    {
        ModelTooLargeException tooLarge => tooLarge.Message,
        ModelFormatException => "its files are not what they must be.",
        HubException => "it could not be fetched.",
        NotSupportedException => "something about it is not supported here.",
        OutOfMemoryException => "there is not enough memory.",
        IOException or UnauthorizedAccessException => "its files are missing or cannot be read.",
        _ => Unexpected,
    };

    /// <summary>Whether the message alone says what was wrong.</summary>
    public static bool IsExpected(Exception error) => Reason(error) != Unexpected;
}
