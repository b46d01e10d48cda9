using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Quantization;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>The rounding methods that a recipe can name.</summary>
public static class Methods
{
    /// <summary>The method that first rewrites the model so that rounding loses less (AWQ), and then rounds by importance. Only for the whole model.</summary>
    public const string Awq = "awq";

    /// <summary>The method that first moves outliers of activations into the weights (SmoothQuant, α = ½), for weights of 8 bits. Only for the whole model.</summary>
    public const string SmoothQuant = "smoothquant";

    static readonly (string Name, Func<RoundingMethod> Make)[] All =
    [
        ("importance", () => new ImportanceWeighted()),
        ("gptq", () => new Gptq()),
        (Awq, () => new ImportanceWeighted()),
        (SmoothQuant, () => new ImportanceWeighted()),
        ("nearest", () => new Nearest()),
    ];

    /// <summary>Their names.</summary>
    public static ImmutableArray<string> Names { get; } = [.. All.Select(method => method.Name)];

    /// <summary>Whether a method rewrites the whole model before it rounds.</summary>
    public static bool Rewrites(string? name) => name is Awq or SmoothQuant;

    /// <summary>A method.</summary>
    /// <exception cref="ArgumentException">There is no such method; the message lists all.</exception>
    public static RoundingMethod Of(string name)
    {
        foreach ((string known, Func<RoundingMethod> make) in All)
        {
            if (known == name)
            {
                return make();
            }
        }

        throw new ArgumentException($"There is no rounding method '{name}'; known are {string.Join(", ", Names)}.", nameof(name));
    }
}
