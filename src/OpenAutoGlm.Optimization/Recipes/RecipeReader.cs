using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>Reads recipes, and refuses what it does not know by line and field, with the nearest name that there is.</summary>
static class RecipeReader
{
    const string Search = "search";

    static readonly (string Name, Goal Goal)[] Goals = [("loss", Goal.Loss), ("bytes", Goal.Bytes), ("decodeSeconds", Goal.DecodeSeconds), ("prefillSeconds", Goal.PrefillSeconds)];

    internal static string NameOf(Goal goal) => Goals.First(known => known.Goal == goal).Name;

    internal static Recipe Read(string json, string path)
    {
        RecipeFields fields = RecipeFields.Of(json, path);
        fields.AllowOnly("recipe", "model", "seed", "method", "formats", "grouping", "keysAndValues", "calibration", "prune", "sensitivity", "wish", "rules", "groups");
        if (fields.Whole("recipe", 1) is not { } version)
        {
            throw new RecipeException($"{path}: the field 'recipe' is missing, which holds the version of the layout: {Recipe.Version}.");
        }

        if (version > Recipe.Version)
        {
            throw fields.Wrong("recipe", $"this program reads recipes up to version {Recipe.Version}, not {version}.");
        }

        Recipe defaults = new();
        return new Recipe
        {
            Model = fields.Text("model"),
            Seed = fields.Whole("seed", 0) ?? 0,
            Method = Method(fields, "method") ?? defaults.Method,
            Formats = Formats(fields, "formats", FormatRule.Writable) ?? [],
            Grouping = OneOf<Grouping>(fields, "grouping") ?? defaults.Grouping,
            KvFormats = Formats(fields, "keysAndValues", Graph.Ops.KvLayout.Formats) ?? defaults.KvFormats,
            Calibration = fields.Object("calibration") is { } calibration ? Calibration(calibration) : defaults.Calibration,
            Prune = fields.Object("prune") is { } prune ? Pruned(prune) : defaults.Prune,
            Sensitivity = OneOf<SensitivityMethod>(fields, "sensitivity") ?? defaults.Sensitivity,
            Wish = fields.Object("wish") is { } wish ? Wished(wish) : defaults.Wish,
            Rules = [.. fields.Objects("rules").Select(Rule)],
            Groups = fields.Object("groups") is { } groups ? Groups(groups) : defaults.Groups,
        };
    }

    static RecipeCalibration Calibration(RecipeFields fields)
    {
        fields.AllowOnly("text", "windowTokens", "windows", "sensitivityWindows", "heldOutWindows");
        RecipeCalibration defaults = new();
        return new RecipeCalibration
        {
            Text = fields.Texts("text") ?? [],
            WindowTokens = fields.Whole("windowTokens", 4) ?? defaults.WindowTokens,
            Windows = fields.Whole("windows", 1) ?? defaults.Windows,
            SensitivityWindows = fields.Whole("sensitivityWindows", 1) ?? defaults.SensitivityWindows,
            HeldOutWindows = fields.Whole("heldOutWindows", 1) ?? defaults.HeldOutWindows,
        };
    }

    static PruningJob Pruned(RecipeFields fields)
    {
        fields.AllowOnly("layers", "kvHeads", "heads", "ffn", "experts", "sparsity", "zeros", "units");
        PruningJob defaults = new();
        double share = fields.Number("ffn") ?? 0;
        Sparsity? sparsity;
        try
        {
            sparsity = fields.Text("sparsity") is { } text ? Sparsity.Parse(text) : null;
        }
        catch (FormatException error)
        {
            throw fields.Wrong("sparsity", error.Message);
        }

        return new PruningJob
        {
            Layers = fields.Whole("layers", 0) ?? 0,
            KvHeads = fields.Whole("kvHeads", 0) ?? 0,
            Heads = fields.Whole("heads", 0) ?? 0,
            FfnShare = share is >= 0 and < 1 ? share : throw fields.Wrong("ffn", $"a share of at least 0 and below 1 is wanted, not {share}."),
            Experts = fields.Whole("experts", 0) ?? 0,
            Sparsity = sparsity,
            Zeros = Named(fields, "zeros", PruningMethods.Zeros) ?? defaults.Zeros,
            Method = Named(fields, "units", PruningMethods.Units) ?? defaults.Method,
        };
    }

    static T? Named<T>(RecipeFields fields, string name, ImmutableSortedDictionary<string, T> known)
        where T : struct => fields.Text(name) is not { } text ? null
        : known.TryGetValue(text, out T value) ? value
        : throw fields.Wrong(name, $"there is no way '{text}'.{NearestName.Hint(text, known.Keys)} Known are {string.Join(", ", known.Keys)}.");

    static Wish Wished(RecipeFields fields)
    {
        fields.AllowOnly("maxBytes", "maxDecodeSeconds", "maxPrefillSeconds", "maxKl", "maxLossPercent", "contextTokens", "minimise");
        Wish wish = new()
        {
            MaxBytes = (long?)Positive("maxBytes"),
            MaxDecodeSeconds = Positive("maxDecodeSeconds"),
            MaxPrefillSeconds = Positive("maxPrefillSeconds"),
            MaxKl = Positive("maxKl"),
            MaxLossPercent = Positive("maxLossPercent"),
            ContextTokens = fields.Whole("contextTokens", 0) ?? 0,
        };
        if (fields.Text("minimise") is not { } goal)
        {
            return wish;
        }

        (string Name, Goal Goal)[] found = [.. Goals.Where(known => known.Name == goal)];
        return found.Length == 1
            ? wish with { Minimise = found[0].Goal }
            : throw fields.Wrong("minimise", $"'{goal}' cannot be made small.{NearestName.Hint(goal, Goals.Select(known => known.Name))} Known are {string.Join(", ", Goals.Select(known => known.Name))}.");

        double? Positive(string name) => fields.Number(name) switch
        {
            null => null,
            > 0 and double value => value,
            double value => throw fields.Wrong(name, $"a number above 0 is wanted, not {value}."),
        };
    }

    static RecipeRule Rule(RecipeFields fields)
    {
        fields.AllowOnly("tensors", "format", "method");
        return new RecipeRule(
            fields.Text("tensors") is { Length: > 0 } tensors ? tensors : throw new RecipeException("A rule has no field 'tensors', which says which tensors it is about."),
            Formats(fields, "format", FormatRule.Writable) ?? [],
            Method(fields, "method") is { } method && Methods.Rewrites(method) ? throw fields.Wrong("method", $"{method} rewrites the whole model, so it is the recipe's method and no rule's.") : fields.Text("method"));
    }

    static ImmutableSortedDictionary<string, TensorFormat> Groups(RecipeFields fields)
    {
        ImmutableSortedDictionary<string, TensorFormat>.Builder groups = ImmutableSortedDictionary.CreateBuilder<string, TensorFormat>(StringComparer.Ordinal);
        foreach (string name in fields.Names)
        {
            if (Formats(fields, name, FormatRule.Writable) is { IsEmpty: false } formats)
            {
                groups[name] = formats.Length == 1 ? formats[0] : throw fields.Wrong(name, "a group has one format; a rule may have several.");
            }
        }

        return groups.ToImmutable();
    }

    static ImmutableArray<TensorFormat>? Formats(RecipeFields fields, string name, ImmutableArray<TensorFormat> allowed)
    {
        if (fields.Texts(name) is not { } texts)
        {
            return null;
        }

        return texts is [Search] or ["auto"]
            ? []
            : [.. texts.Select(text => BlockFormat.TryParse(text, out BlockFormat? format) && allowed.Contains(format.Format)
                ? format.Format
                : throw fields.Wrong(name, $"there is no format '{text}'.{NearestName.Hint(text, allowed.Select(known => known.ToString()))} Known are {string.Join(", ", allowed)}, and {Search}."))];
    }

    static string? Method(RecipeFields fields, string name) => fields.Text(name) is not { } text ? null
        : Methods.Names.Contains(text) ? text
        : throw fields.Wrong(name, $"there is no method '{text}'.{NearestName.Hint(text, Methods.Names)} Known are {string.Join(", ", Methods.Names)}.");

    static T? OneOf<T>(RecipeFields fields, string name)
        where T : struct, Enum
    {
        if (fields.Text(name) is not { } text)
        {
            return null;
        }

        string[] known = [.. Enum.GetNames<T>().Select(value => value.ToLowerInvariant())];
        return known.Contains(text) ? Enum.Parse<T>(text, ignoreCase: true)
            : throw fields.Wrong(name, $"'{text}' is none of {string.Join(", ", known)}.{NearestName.Hint(text, known)}");
    }
}
