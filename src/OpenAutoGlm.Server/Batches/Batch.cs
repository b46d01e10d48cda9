using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.Batches;

/// <summary>How far a batch is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BatchStatus>))]
enum BatchStatus
{
    /// <summary>Accepted, and behind another batch.</summary>
    [JsonStringEnumMemberName("validating")]
    Waiting,

    [JsonStringEnumMemberName("in_progress")]
    InProgress,

    [JsonStringEnumMemberName("finalizing")]
    Finalizing,

    [JsonStringEnumMemberName("completed")]
    Completed,

    [JsonStringEnumMemberName("failed")]
    Failed,

    [JsonStringEnumMemberName("expired")]
    Expired,

    [JsonStringEnumMemberName("cancelling")]
    Cancelling,

    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>A batch, as it is kept and as OpenAI's reference has it. Times are seconds since 1970.</summary>
sealed record Batch(string Id, string Endpoint, string InputFileId, string CompletionWindow, long CreatedAt, long ExpiresAt)
{
    public string Object => "batch";

    public BatchStatus Status { get; init; }

    public BatchErrors? Errors { get; init; }

    public string? OutputFileId { get; init; }

    public string? ErrorFileId { get; init; }

    public long? InProgressAt { get; init; }

    public long? FinalizingAt { get; init; }

    public long? CompletedAt { get; init; }

    public long? FailedAt { get; init; }

    public long? ExpiredAt { get; init; }

    public long? CancellingAt { get; init; }

    public long? CancelledAt { get; init; }

    public RequestCounts RequestCounts { get; init; } = new(0, 0, 0);

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    [JsonIgnore]
    public bool HasEnded => Status is BatchStatus.Completed or BatchStatus.Failed or BatchStatus.Expired or BatchStatus.Cancelled;

    [JsonIgnore]
    public string StateName => Id + ".json";

    /// <summary>The results so far, answers and errors apart.</summary>
    [JsonIgnore]
    public string OutputName => Id + ".out";

    [JsonIgnore]
    public string ErrorName => Id + ".err";

    /// <summary>The same batch at the end of its way.</summary>
    public Batch Ended(BatchStatus status, long now) => status switch
    {
        BatchStatus.Completed => this with { Status = status, CompletedAt = now },
        BatchStatus.Failed => this with { Status = status, FailedAt = now },
        BatchStatus.Expired => this with { Status = status, ExpiredAt = now },
        _ => this with { Status = BatchStatus.Cancelled, CancelledAt = now },
    };
}

sealed record RequestCounts(int Total, int Completed, int Failed);

sealed record BatchErrors(IReadOnlyList<BatchError> Data)
{
    public string Object => "list";
}

sealed record BatchError(string Code, string Message, int? Line = null, string? Param = null);
