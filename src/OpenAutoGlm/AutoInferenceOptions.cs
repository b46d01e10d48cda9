using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm;

/// <summary>What computes.</summary>
public enum BackendKind
{
    /// <summary>The kernels of this processor.</summary>
    Cpu,

    /// <summary>The reference that defines what is correct; many times slower.</summary>
    Reference,
}

/// <summary>How <see cref="AutoInferenceEngine"/> finds a model and runs it.</summary>
public sealed record AutoInferenceOptions
{
    /// <summary>What computes.</summary>
    public BackendKind Backend { get; init; } = BackendKind.Cpu;

    /// <summary>Threads and arithmetic of <see cref="BackendKind.Cpu"/>.</summary>
    public CpuOptions Cpu { get; init; } = new();

    /// <summary>Where packed weights are kept for the next start.</summary>
    public PlanPlace Plan { get; init; } = PlanPlace.Automatic;

    /// <summary>
    /// How long the first load of a model on a machine may search for the fastest sizes of its kernels; the search is left
    /// out where it is zero, and for models too small for a plan file. What it finds is kept in the cache folder.
    /// </summary>
    public TimeSpan TuningBudget { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A smaller model with the same vocabulary that guesses tokens ahead, named like any model; null for none. <see cref="EngineOptions.Speculation"/>
    /// must ask for it.
    /// </summary>
    public string? DraftModel { get; init; }

    /// <summary>Limits of the engine.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>Where models are fetched from and kept; null for what the environment says (<see cref="HubOptions.FromEnvironment()"/>).</summary>
    public HubOptions? Hub { get; init; }
}
