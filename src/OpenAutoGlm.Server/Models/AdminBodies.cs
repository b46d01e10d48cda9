using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.Models;

// What the admin routes say of models, field for field as docs/server-models.md has it.

sealed record AdminModels(AdminMemory Memory, double? IdleUnloadSeconds, IReadOnlyList<AdminModel> Models);

sealed record AdminMemory(long? LimitBytes, long UsedBytes);

sealed record AdminProgress(string Stage, double? Fraction);

sealed record AdminFailure(string Message, long At, long RetryAt);

sealed record AdminModel
{
    public required string Id { get; init; }

    public required IReadOnlyList<string> Aliases { get; init; }

    public required string Status { get; init; }

    public required string? Source { get; init; }

    public required bool Pinned { get; init; }

    public required bool CanUnload { get; init; }

    public required bool CanSwap { get; init; }

    public required int? MaxModelLen { get; init; }

    public required long MemoryBytes { get; init; }

    public required long? NeededBytes { get; init; }

    public required int Running { get; init; }

    public required int Waiting { get; init; }

    public required int Draining { get; init; }

    public required long Created { get; init; }

    public required long? LastUsed { get; init; }

    public required long? LoadedAt { get; init; }

    public required double? LoadSeconds { get; init; }

    public required int Loads { get; init; }

    public required AdminProgress? Progress { get; init; }

    public required AdminFailure? Error { get; init; }

    public static AdminModel Of(ModelStatus status, bool swapFolders) => new()
    {
        Id = status.Id,
        Aliases = status.Aliases,
        Status = NameOf(status.State),
        Source = status.Source,
        Pinned = status.Pinned,
        CanUnload = status.Source is not null,
        CanSwap = status.Source is not null && swapFolders,
        MaxModelLen = status.ContextLength,
        MemoryBytes = status.MemoryBytes,
        NeededBytes = status.NeededBytes,
        Running = status.Running,
        Waiting = status.Waiting,
        Draining = status.Draining,
        Created = status.Created.ToUnixTimeSeconds(),
        LastUsed = status.LastUsed?.ToUnixTimeSeconds(),
        LoadedAt = status.LoadedAt?.ToUnixTimeSeconds(),
        LoadSeconds = status.LoadedAt is null ? null : Math.Round(status.LoadTime.TotalSeconds, 3),
        Loads = status.Loads,
        Progress = status.Progress is { } progress ? new AdminProgress(progress.Stage, progress.Fraction is { } fraction ? Math.Round(fraction, 3) : null) : null,
        Error = status.Failure is { } failure ? new AdminFailure(failure.Error.Message, failure.At.ToUnixTimeSeconds(), failure.RetryAt.ToUnixTimeSeconds()) : null,
    };

    /// <summary>A state as JSON has it.</summary>
    public static string NameOf(ModelState state) => state switch
    {
        ModelState.Unloaded => "unloaded",
        ModelState.Loading => "loading",
        ModelState.Loaded => "loaded",
        ModelState.Draining => "draining",
        _ => "failed",
    };
}

/// <summary>How these become JSON.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AdminModels))]
[JsonSerializable(typeof(AdminModel))]
sealed partial class ModelsJson : JsonSerializerContext
{
    public static ModelsJson Wire { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
