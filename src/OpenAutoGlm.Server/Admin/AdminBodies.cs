using System.Text.Json;
using System.Text.Json.Serialization;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Server.Metrics;

namespace OpenAutoGlm.Server.Admin;

/// <summary>GET /admin/requests.</summary>
sealed record RunningRequestList(RunningRequestBody[] Requests);

/// <param name="Id">The number to cancel it by.</param>
/// <param name="RequestId">What the log calls it.</param>
/// <param name="Model">The model's own id; "-" before it is known.</param>
/// <param name="Route">The route's pattern.</param>
/// <param name="Key">The name of the key that it came with; null for none.</param>
/// <param name="AgeSeconds">Seconds since its head was read.</param>
/// <param name="PromptTokens">Tokens of its prompts; 0 before they are known.</param>
/// <param name="CompletionTokens">Tokens written so far.</param>
/// <param name="State">reading (the request itself), waiting (for the first token), writing, cancelling.</param>
sealed record RunningRequestBody(
    long Id, string RequestId, string Model, string Route, string? Key, double AgeSeconds, int PromptTokens, int CompletionTokens, string State);

/// <summary>POST /admin/requests/{id}/cancel.</summary>
sealed record CancelledBody(long Id, string State);

/// <summary>GET /admin/status.</summary>
sealed record StatusBody(ServerBody Server, MachineBody Machine, ModelStatusBody[] Models, RunningRequestBody[] Requests, HistoryBody History);

/// <param name="Version">The server's version.</param>
/// <param name="State">ready or stopping.</param>
/// <param name="UptimeSeconds">Seconds since the server was made.</param>
/// <param name="RunningRequests">Requests for text that are inside.</param>
/// <param name="MaxRequests">Most that may be.</param>
sealed record ServerBody(string Version, string State, double UptimeSeconds, int RunningRequests, int MaxRequests);

/// <param name="Facts">What it is.</param>
/// <param name="Limits">What it reaches; null where nobody measured.</param>
/// <param name="CanMeasure">Whether it can be measured.</param>
/// <param name="CpuSeconds">Processor time of this process so far.</param>
/// <param name="ProcessBytes">Memory that this process holds, mapped model files that are in memory included.</param>
sealed record MachineBody(MachineFacts Facts, MachineLimits? Limits, bool CanMeasure, double CpuSeconds, long ProcessBytes);

/// <param name="Id">The model's id.</param>
/// <param name="ContextLength">Longest sequence; null while no engine runs.</param>
/// <param name="Engine">What its engine does; null while none runs.</param>
/// <param name="Recent">What it did within the last minute.</param>
sealed record ModelStatusBody(string Id, int? ContextLength, EngineBody? Engine, RecentBody? Recent);

/// <summary>An engine's statistics as they are, with the time of steps by their parts.</summary>
sealed record EngineBody(
    int Running, int Waiting, int KvUsedBlocks, int KvTotalBlocks, int KvKeptBlocks, long Steps, double StepMs, int StepTokens,
    long ReadTokens, long CachedTokens, long WrittenTokens, long GuessedTokens, long GuessedRightTokens,
    long Preemptions, long Finished, long Failed, long Cancelled, long Refused, PhasesBody Phases)
{
    public static EngineBody Of(EngineStatistics statistics)
    {
        PrefixCacheStatistics prefixes = statistics.Prefixes;
        StepPhases phases = statistics.Phases;
        return new EngineBody(
            statistics.RunningSequences, statistics.WaitingSequences, statistics.UsedKvBlocks, statistics.TotalKvBlocks, prefixes.KeptBlocks,
            statistics.Steps, statistics.StepMs, statistics.StepTokens, statistics.PrefilledTokens, statistics.CachedTokens, statistics.GeneratedTokens,
            statistics.GuessedTokens, statistics.GuessedRightTokens, statistics.Preemptions, statistics.Finished, statistics.Failed, statistics.Cancelled,
            statistics.Refused, new PhasesBody(phases.Guess.TotalSeconds, phases.Plan.TotalSeconds, phases.Run.TotalSeconds, phases.Choose.TotalSeconds, phases.Commit.TotalSeconds));
    }
}

/// <summary>Seconds since the engine was made.</summary>
sealed record PhasesBody(double Guess, double Plan, double Run, double Choose, double Commit);

/// <summary>Rates per second and times in seconds of the last minute; null where there was nothing to count.</summary>
sealed record RecentBody(
    double SpanSeconds, double ReadTokensPerSecond, double WrittenTokensPerSecond, double FinishedPerSecond, double FailedPerSecond, double? PrefixHitRate,
    PercentilesBody? TimeToFirstToken, PercentilesBody? TimePerToken, PercentilesBody? EndToEnd, PercentilesBody? Queue)
{
    public static RecentBody Of(RecentFigures figures) => new(
        figures.Span.TotalSeconds, figures.PromptTokensPerSecond, figures.GenerationTokensPerSecond, figures.FinishedPerSecond, figures.FailedPerSecond,
        double.IsNaN(figures.PrefixHitRate) ? null : figures.PrefixHitRate,
        PercentilesBody.Of(figures.TimeToFirstToken), PercentilesBody.Of(figures.TimePerToken), PercentilesBody.Of(figures.EndToEnd), PercentilesBody.Of(figures.Queue));
}

/// <summary>Percentiles in seconds, and of how many values.</summary>
sealed record PercentilesBody(long Count, double P50, double P90, double P99)
{
    public static PercentilesBody? Of(Percentiles values) => values.Count == 0 ? null : new PercentilesBody(values.Count, values.P50, values.P90, values.P99);
}

/// <summary>The last minutes, one point a second, the oldest first.</summary>
/// <param name="Last">The number of the last point; ask with after=this for those that follow.</param>
/// <param name="Points">The points.</param>
sealed record HistoryBody(long Last, HistoryPoint[] Points);

/// <param name="Written">Tokens written per second.</param>
/// <param name="Read">Tokens of prompts computed per second.</param>
/// <param name="Cached">Tokens of prompts found in memory per second.</param>
/// <param name="Running">Sequences that run.</param>
/// <param name="Waiting">Sequences that wait.</param>
/// <param name="Kv">Share of the key and value memory in use, 0 to 1.</param>
readonly record struct HistoryPoint(double Written, double Read, double Cached, int Running, int Waiting, double Kv);

/// <summary>How the answers under /admin become JSON.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(StatusBody))]
[JsonSerializable(typeof(RunningRequestList))]
[JsonSerializable(typeof(CancelledBody))]
[JsonSerializable(typeof(MachineLimits))]
sealed partial class AdminJson : JsonSerializerContext
{
    /// <summary>The context to use.</summary>
    public static AdminJson Wire { get; } = new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower });
}
