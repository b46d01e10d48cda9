using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Quantization;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>The rounding methods that a recipe can name.</summary>
public static class Methods
{
    /// <summary>The method that first rewrites the model so that rounding loses less (AWQ), and then rounds by importance. Only for the whole model.</summary>
    public const string Awq = "awq";

    static readonly (string Name, Func<RoundingMethod> Make)[] All =
    [
        ("importance", () => new ImportanceWeighted()),
        ("gptq", () => new Gptq()),
        (Awq, () => new ImportanceWeighted()),
        ("nearest", () => new Nearest()),
    ];

    /// <summary>Their names.</summary>
    public static ImmutableArray<string> Names { get; } = [.. All.Select(method => method.Name)];

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
