using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>How tensors are to be stored and rounded, whatever the search would say.</summary>
/// <param name="Tensors">Names of tensors, with * for any characters and ? for one.</param>
/// <param name="Formats">The format; several for a search among them; empty for all.</param>
/// <param name="Method">How they are rounded; null for the recipe's method.</param>
public sealed record RecipeRule(string Tensors, ImmutableArray<TensorFormat> Formats, string? Method = null);

/// <summary>What a model is calibrated and measured with.</summary>
public sealed record RecipeCalibration
{
    /// <summary>Text files; empty for the built-in text.</summary>
    public ImmutableArray<string> Text { get; init; } = [];

    /// <summary>Tokens in a window.</summary>
    public int WindowTokens { get; init; } = 128;

    /// <summary>Windows for statistics of activations.</summary>
    public int Windows { get; init; } = 32;

    /// <summary>Of these, the first ones that sensitivities are measured with.</summary>
    public int SensitivityWindows { get; init; } = 8;

    /// <summary>Windows that come after all others and that only promises are measured with.</summary>
    public int HeldOutWindows { get; init; } = 32;
}

/// <summary>
/// Everything that decides what becomes of a model, as data: a recipe and a model give the same bytes again. Groups with a
/// format are fixed; where all are, nothing is searched for.
/// </summary>
public sealed record Recipe
{
    /// <summary>The version of the layout.</summary>
    public const int Version = 1;

    /// <summary>The model that it was made for; only told.</summary>
    public string? Model { get; init; }

    /// <summary>Where random numbers begin, in methods that draw them.</summary>
    public int Seed { get; init; }

    /// <summary>How tensors are rounded where no rule says otherwise.</summary>
    public string Method { get; init; } = "importance";

    /// <summary>Formats that may be chosen; empty for all that can be written.</summary>
    public ImmutableArray<TensorFormat> Formats { get; init; } = [];

    /// <summary>What shares a format.</summary>
    public Grouping Grouping { get; init; }

    /// <summary>What keys and values may be stored in: one to fix it, several or none to search.</summary>
    public ImmutableArray<TensorFormat> KvFormats { get; init; } = [TensorFormat.BF16];

    /// <summary>Texts and windows.</summary>
    public RecipeCalibration Calibration { get; init; } = new();

    /// <summary>What is taken out before anything is rounded.</summary>
    public PruningJob Prune { get; init; } = new();

    /// <summary>How losses of choices are found.</summary>
    public SensitivityMethod Sensitivity { get; init; }

    /// <summary>What is asked for.</summary>
    public Wish Wish { get; init; } = new();

    /// <summary>Rules, of which the last that names a tensor holds.</summary>
    public ImmutableArray<RecipeRule> Rules { get; init; } = [];

    /// <summary>Groups whose format is fixed, by name; written by a search for all of them.</summary>
    public ImmutableSortedDictionary<string, TensorFormat> Groups { get; init; } = ImmutableSortedDictionary.Create<string, TensorFormat>(StringComparer.Ordinal);

    /// <summary>The recipe as JSON with its defaults written out.</summary>
    public string ToJson() => RecipeWriter.Write(this);

    /// <summary>Reads a recipe. Comments and trailing commas are allowed.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">What to call it in messages.</param>
    /// <exception cref="RecipeException">It is no recipe; the message names line and field.</exception>
    public static Recipe Parse(string json, string path = "recipe") => RecipeReader.Read(json, path);

    /// <summary>Reads a recipe from a file.</summary>
    /// <exception cref="RecipeException">It is no recipe; the message names line and field.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Recipe Load(string path) => RecipeReader.Read(File.ReadAllText(path), path);

    /// <summary>How a tensor is rounded.</summary>
    public string MethodOf(string tensor) => Rules.LastOrDefault(rule => rule.Method is not null && Pattern.Matches(rule.Tensors, tensor))?.Method ?? Method;

    /// <summary>The recipe with all groups fixed as they were chosen.</summary>
    public Recipe With(ChoiceSpace space, Assignment assignment) => this with
    {
        Groups = space.Groups.Select((group, g) => KeyValuePair.Create(group.Name, assignment.Formats[g])).ToImmutableSortedDictionary(StringComparer.Ordinal),
        KvFormats = [assignment.KvFormat],
    };
}
