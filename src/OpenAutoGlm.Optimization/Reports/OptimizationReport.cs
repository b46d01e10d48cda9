using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OpenAutoGlm.Graph.Passes;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Reports.Page;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>
/// Everything that is said about one optimisation: what the model was, on which machine, what was wished for and how far
/// that was kept, what was done and why, and what it cost and gained. The page and the JSON both come from this record
/// and from nothing else. Parts that were not looked at are null or empty, and the page leaves them out.
/// </summary>
public sealed record OptimizationReport
{
    /// <summary>The version of the JSON's layout.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version of the layout that this report has.</summary>
    [JsonRequired]
    public int Version { get; init; } = CurrentVersion;

    /// <summary>When it was written.</summary>
    public required DateTimeOffset Written { get; init; }

    /// <summary>What wrote it, with its version.</summary>
    public required string Program { get; init; }

    /// <summary>The model as it came.</summary>
    public required ReportedModel Model { get; init; }

    /// <summary>The model as it went; null where it was only analysed.</summary>
    public ReportedModel? Result { get; init; }

    /// <summary>The machine on which everything was measured.</summary>
    public required ReportedMachine Machine { get; init; }

    /// <summary>What was asked for; null where the model was only analysed.</summary>
    public ReportedWish? Wish { get; init; }

    /// <summary>The outcome in a few sentences, the most important first.</summary>
    public ImmutableArray<string> Summary { get => OrEmpty(field); init; } = [];

    /// <summary>What was done, in order, and why.</summary>
    public ImmutableArray<Decision> Decisions { get => OrEmpty(field); init; } = [];

    /// <summary>Latency, memory and throughput, before and after.</summary>
    public ImmutableArray<BeforeAfter> Comparison { get => OrEmpty(field); init; } = [];

    /// <summary>Quality, before and after; null where it was not measured.</summary>
    public ReportedQuality? Quality { get; init; }

    /// <summary>Which groups of tensors the output depends on most; null where it was not measured.</summary>
    public SensitivityRanking? Sensitivity { get; init; }

    /// <summary>What every tensor is stored in; null where nothing was chosen.</summary>
    public FormatMap? Formats { get; init; }

    /// <summary>Models that were considered: the chosen one, the uniform ones, the ones between.</summary>
    public ImmutableArray<Candidate> Candidates { get => OrEmpty(field); init; } = [];

    /// <summary>Kernels before and after every pass; null where no plan was made.</summary>
    public PassReport? Fusion { get; init; }

    /// <summary>What the model costs on the machine, as it came; null where it was not analysed.</summary>
    public ModelAnalysis? Analysis { get; init; }

    /// <summary>What the result costs on the machine; null where it was not analysed.</summary>
    public ModelAnalysis? ResultAnalysis { get; init; }

    /// <summary>What could be left out of the model.</summary>
    public ImmutableArray<PruningOption> Pruning { get => OrEmpty(field); init; } = [];

    /// <summary>What other machines would make of it: estimates, never measured.</summary>
    public ImmutableArray<ElsewhereEstimate> Elsewhere { get => OrEmpty(field); init; } = [];

    /// <summary>How long the stages took.</summary>
    public ImmutableArray<StageTime> Stages { get => OrEmpty(field); init; } = [];

    /// <summary>Commands that do the same again.</summary>
    public ImmutableArray<ReportedCommand> Commands { get => OrEmpty(field); init; } = [];

    /// <summary>What the reader should know before trusting a number.</summary>
    public ImmutableArray<string> Warnings { get => OrEmpty(field); init; } = [];

    /// <summary>What was asked for and not reached, or not tried.</summary>
    public ImmutableArray<string> Shortfalls { get => OrEmpty(field); init; } = [];

    /// <summary>The report as JSON, indented; names in camelCase, numbers in the units that the record states.</summary>
    public string ToJson() => ReportJson.Write(this);

    /// <summary>The report as one page of HTML that needs nothing else: it says what <see cref="ToJson"/> says, and nothing more.</summary>
    public string ToHtml() => ReportPage.Of(this);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FormatException">The text is no report, or one of a newer layout.</exception>
    public static OptimizationReport FromJson(string json) => ReportJson.Read(json);

    static ImmutableArray<T> OrEmpty<T>(ImmutableArray<T> rows) => rows.IsDefault ? [] : rows;
}
