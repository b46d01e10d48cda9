namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>What became of one request. Instants are seconds since the run began.</summary>
sealed record RequestRecord
{
    /// <summary>The conversation it belongs to, from 0.</summary>
    public required int Session { get; init; }

    /// <summary>Its turn there, from 0.</summary>
    public int Turn { get; init; }

    /// <summary>When it was due. Every latency counts from here, so that a client or server that is behind is not forgiven.</summary>
    public required double Due { get; init; }

    /// <summary>When it was sent.</summary>
    public double Sent { get; init; }

    /// <summary>When the first text came.</summary>
    public double First { get; init; }

    /// <summary>When it ended.</summary>
    public double End { get; init; }

    /// <summary>How it ended.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>Why, where it did not finish; nothing else.</summary>
    public string? Reason { get; init; }

    /// <summary>Prompt tokens that were meant.</summary>
    public int PlannedPromptTokens { get; init; }

    /// <summary>Answer tokens that were asked for.</summary>
    public int PlannedOutputTokens { get; init; }

    /// <summary>Prompt tokens as the server counted them, else as they were meant.</summary>
    public int PromptTokens { get; init; }

    /// <summary>Answer tokens as the server counted them, else pieces of text.</summary>
    public int OutputTokens { get; init; }

    /// <summary>Prompt tokens that the server had already; null where it does not say.</summary>
    public int? CachedTokens { get; init; }

    /// <summary>Whether the server counted the tokens.</summary>
    public bool Counted { get; init; }

    /// <summary>Pieces of text.</summary>
    public int Pieces { get; init; }

    /// <summary>How often it was sent again, since a kept connection was closed under it.</summary>
    public int Resent { get; init; }

    /// <summary>Seconds to the first text.</summary>
    public double TimeToFirstToken => First - Due;

    /// <summary>Seconds to the end.</summary>
    public double EndToEnd => End - Due;

    /// <summary>Seconds for each token after the first; null where there is none.</summary>
    public double? TimePerOutputToken => OutputTokens > 1 ? (End - First) / (OutputTokens - 1) : null;

    public bool Finished => Outcome == Outcome.Finished;
}
