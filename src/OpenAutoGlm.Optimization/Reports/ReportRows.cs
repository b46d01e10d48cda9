namespace OpenAutoGlm.Optimization.Reports;

/// <summary>Something that was done.</summary>
/// <param name="What">In a few words: "weights rounded with importance".</param>
/// <param name="Why">The reason, in a sentence with its numbers.</param>
public sealed record Decision(string What, string Why);

/// <summary>Something that could be left out of the model.</summary>
/// <param name="Option">What would go: "layer 4", "8 of 64 heads".</param>
/// <param name="Kind">head, channel, expert, layer, weight.</param>
/// <param name="SavedBytes">Bytes that it would save.</param>
/// <param name="SavedTime">Share of the time per token that it would save; null where nobody knows.</param>
/// <param name="Cost">What it would cost in nats per token before any recovery.</param>
/// <param name="CostMeasured">Whether the cost was measured by leaving it out; otherwise it is predicted.</param>
/// <param name="Advice">What to do, in words.</param>
public sealed record PruningOption(string Option, string Kind, long SavedBytes, double? SavedTime, double? Cost, bool CostMeasured, string Advice)
{
    /// <summary>Whether the advice is to do it.</summary>
    public bool Recommended { get; init; }
}

/// <summary>What another machine would make of the model: an estimate from data sheets.</summary>
/// <param name="Profile">The machine's name among the profiles.</param>
/// <param name="Title">What it is.</param>
/// <param name="Fits">Whether the result fits in its memory, with keys and values of the stated tokens.</param>
/// <param name="FitsBefore">Whether the model as it came would.</param>
/// <param name="NeededBytes">Weights, keys and values, and working memory of the result.</param>
/// <param name="MemoryBytes">What the machine has.</param>
/// <param name="DecodeTokensPerSecond">Tokens per second and sequence that it would write.</param>
/// <param name="DecodeBefore">What the model as it came would reach.</param>
/// <param name="PrefillTokensPerSecond">Tokens per second that it would read.</param>
/// <param name="Conditions">Sequences and context that this holds for, in words.</param>
/// <param name="Source">Where the machine's numbers are from.</param>
public sealed record ElsewhereEstimate(
    string Profile,
    string Title,
    bool Fits,
    bool FitsBefore,
    long NeededBytes,
    long MemoryBytes,
    double DecodeTokensPerSecond,
    double DecodeBefore,
    double PrefillTokensPerSecond,
    string Conditions,
    string Source);

/// <summary>How long a stage took.</summary>
/// <param name="Name">The stage.</param>
/// <param name="Seconds">Its duration.</param>
public sealed record StageTime(string Name, double Seconds);

/// <summary>A command that does something again.</summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="Line">What to type.</param>
public sealed record ReportedCommand(string Purpose, string Line);
