using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>What is gathered about activations.</summary>
public sealed record CalibrationOptions
{
    /// <summary>
    /// Which weights want the whole Gram matrix of their activations, by name; null for none. It takes 8 · columns² bytes for each
    /// set of activations (query, key and value share one), and for each expert.
    /// </summary>
    public Func<string, bool>? Gram { get; init; }

    /// <summary>What keys and values are stored in meanwhile.</summary>
    public TensorFormat KvFormat { get; init; } = TensorFormat.F32;

    /// <summary>Threads for Gram matrices; null for one on every core. Results do not depend on it.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// The file in which the collection stands meanwhile: a run that finds it goes on where it was, with the same result as one
    /// that was never interrupted. It stays when all is done (<see cref="ActivationStatistics.Load"/>). Null for no file.
    /// </summary>
    public string? StatePath { get; init; }

    /// <summary>
    /// Whether the file is only there to save time: one that is damaged or of another run is then begun anew instead of refused,
    /// and one that cannot be written is done without.
    /// </summary>
    public bool StateIsCache { get; init; }

    /// <summary>Tells the model from others, for the file: the weights' identity, say.</summary>
    public string ModelIdentity { get; init; } = "";

    /// <summary>How many windows are collected from before the file is written again; it is also written when all are, and when the run is cancelled.</summary>
    public int WindowsBetweenSaves { get; init; } = 16;
}
