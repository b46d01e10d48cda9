using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Search;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>How the loss of choices is found.</summary>
public enum SensitivityMethod
{
    /// <summary>Whichever of the others fits the time that is given.</summary>
    Auto,

    /// <summary>The rounding error of each tensor, scaled so that whole kinds of tensors come to the divergence measured for them.</summary>
    Proxy,

    /// <summary>Three formats of every group measured, the others between them by rounding error.</summary>
    Coarse,

    /// <summary>Every format of every group measured.</summary>
    Measured,
}

/// <summary>A predicted loss.</summary>
/// <param name="Loss">KL(original ‖ original with this choice only), in nats a token.</param>
/// <param name="Measured">Whether it was measured, not derived from rounding errors.</param>
/// <param name="RoundingError">The proxy: Σ E[x²] (w − ŵ)²; NaN where it was not computed.</param>
public readonly record struct PredictedLoss(double Loss, bool Measured, double RoundingError = double.NaN);

/// <summary>
/// What every choice does to the model by itself. Losses of choices are taken to add up: the divergence is quadratic in
/// small disturbances, and disturbances of different tensors are nearly uncorrelated.
/// </summary>
/// <param name="Space">The choices.</param>
/// <param name="Groups">By group and choice.</param>
/// <param name="Kv">By choice of keys and values.</param>
/// <param name="Method">How they were found.</param>
/// <param name="Measurements">How often a model was measured for it, this time.</param>
public sealed record SensitivityTable(
    ChoiceSpace Space, ImmutableArray<ImmutableArray<PredictedLoss>> Groups, ImmutableArray<PredictedLoss> Kv, SensitivityMethod Method, int Measurements)
{
    /// <summary>The loss that an assignment is predicted to have.</summary>
    /// <exception cref="ArgumentException">A format is none of its group's choices.</exception>
    public double Predict(Assignment assignment)
    {
        double loss = Kv[IndexOf(Space.KvChoices, assignment.KvFormat, "keys and values")].Loss;
        for (int g = 0; g < Groups.Length; g++)
        {
            loss += Groups[g][IndexOf(Space.Choices[g], assignment.Formats[g], Space.Groups[g].Name)].Loss;
        }

        return loss;
    }

    /// <summary>Groups by what they lose in a format of about so many bits (each in the nearest one that it can have), the most sensitive first.</summary>
    public ImmutableArray<(TensorGroup Group, TensorFormat Format, PredictedLoss Loss)> Ranking(double bits = 4.5) =>
    [
        .. Space.Groups.Select((group, g) =>
        {
            int choice = Enumerable.Range(0, Space.Choices[g].Length).MinBy(c => Math.Abs(BlockFormat.Of(Space.Choices[g][c]).BitsPerElement - bits));
            return (group, Space.Choices[g][choice], Groups[g][choice]);
        }).OrderByDescending(row => row.Item3.Loss),
    ];

    static int IndexOf(ImmutableArray<TensorFormat> choices, TensorFormat format, string name) => choices.IndexOf(format) is >= 0 and int index
        ? index
        : throw new ArgumentException($"{name} cannot be {format}; possible are {string.Join(", ", choices)}.");
}
