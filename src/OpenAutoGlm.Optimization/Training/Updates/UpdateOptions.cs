namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>How gradients become changes of the weights.</summary>
public enum UpdateRule
{
    /// <summary>Adam with decoupled weight decay. Source: Loshchilov &amp; Hutter 2019, algorithm 2.</summary>
    AdamW,

    /// <summary>
    /// Matrices of the layers move along the orthogonal part of their momentum, everything else by AdamW.
    /// Source: Jordan et al. 2024; the factor that makes AdamW's learning rates fit is that of Liu et al. 2025, §2.2.
    /// </summary>
    Muon,
}

/// <summary>The numbers of an update rule.</summary>
public sealed record UpdateOptions
{
    /// <summary>The rule.</summary>
    public UpdateRule Rule { get; init; } = UpdateRule.AdamW;

    /// <summary>β₁: how much of the mean gradient stays at each step.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂: how much of the mean squared gradient stays at each step.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>ε, added to the root of the mean squared gradient.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>
    /// λ: at each step matrices lose the share learning rate · λ. Norms, biases and embeddings keep theirs: their size
    /// means something (<see cref="ParameterRole"/>).
    /// </summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Muon's momentum.</summary>
    public double Momentum { get; init; } = 0.95;

    /// <exception cref="ArgumentException">A number is out of its range; the message names it.</exception>
    internal void Check()
    {
        Check(nameof(Beta1), Beta1, Beta1 is >= 0 and < 1, "from 0 to below 1");
        Check(nameof(Beta2), Beta2, Beta2 is >= 0 and < 1, "from 0 to below 1");
        Check(nameof(Epsilon), Epsilon, Epsilon is > 0 and < 1, "above 0");
        Check(nameof(WeightDecay), WeightDecay, WeightDecay is >= 0 and < 1000, "0 or more");
        Check(nameof(Momentum), Momentum, Momentum is >= 0 and < 1, "from 0 to below 1");
    }

    static void Check(string name, double value, bool good, string wanted)
    {
        if (!good)
        {
            throw new ArgumentException($"{name} is {value}; it must be {wanted}.");
        }
    }
}
