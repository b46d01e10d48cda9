using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Search;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>Writes recipes: a group a line, so that they can be read, compared and edited.</summary>
static class RecipeWriter
{
    internal static string Write(Recipe recipe)
    {
        StringBuilder text = new();
        text.Append("{\n");
        Field("recipe", Recipe.Version.ToString(CultureInfo.InvariantCulture));
        if (recipe.Model is { } model)
        {
            Field("model", Quoted(model));
        }

        Field("seed", recipe.Seed.ToString(CultureInfo.InvariantCulture));
        Field("method", Quoted(recipe.Method));
        if (!recipe.Formats.IsEmpty)
        {
            Field("formats", List(recipe.Formats));
        }

        Field("grouping", Quoted(recipe.Grouping.ToString().ToLowerInvariant()));
        Field("keysAndValues", recipe.KvFormats.Length == 1 ? Quoted($"{recipe.KvFormats[0]}") : recipe.KvFormats.IsEmpty ? "\"search\"" : List(recipe.KvFormats));
        RecipeCalibration calibration = recipe.Calibration;
        Field("calibration", $"{{ \"text\": {List(calibration.Text)}, \"windowTokens\": {calibration.WindowTokens}, \"windows\": {calibration.Windows}, \"sensitivityWindows\": {calibration.SensitivityWindows}, \"heldOutWindows\": {calibration.HeldOutWindows} }}");
        if (!recipe.Prune.IsEmpty)
        {
            Field("prune", Pruned(recipe.Prune));
        }

        Field("sensitivity", Quoted(recipe.Sensitivity.ToString().ToLowerInvariant()));
        Field("wish", Wished(recipe.Wish));
        Field("rules", recipe.Rules.IsEmpty ? "[]" : $"[\n{string.Join(",\n", recipe.Rules.Select(rule => $"    {Ruled(rule)}"))}\n  ]");
        Field("groups", recipe.Groups.IsEmpty ? "{}" : $"{{\n{string.Join(",\n", recipe.Groups.Select(pair => $"    {Quoted(pair.Key)}: {Quoted($"{pair.Value}")}"))}\n  }}", last: true);
        return text.Append("}\n").ToString();

        void Field(string name, string value, bool last = false) => text.Append(CultureInfo.InvariantCulture, $"  \"{name}\": {value}{(last ? "" : ",")}\n");
    }

    static string Wished(Wish wish)
    {
        List<string> parts = [];
        Add("maxBytes", wish.MaxBytes);
        Add("maxDecodeSeconds", wish.MaxDecodeSeconds);
        Add("maxPrefillSeconds", wish.MaxPrefillSeconds);
        Add("maxKl", wish.MaxKl);
        Add("maxLossPercent", wish.MaxLossPercent);
        Add("contextTokens", wish.ContextTokens == 0 ? null : wish.ContextTokens);
        if (wish.Minimise is { } goal)
        {
            parts.Add($"\"minimise\": \"{RecipeReader.NameOf(goal)}\"");
        }

        return parts.Count == 0 ? "{}" : $"{{ {string.Join(", ", parts)} }}";

        void Add(string name, double? value)
        {
            if (value is { } number)
            {
                parts.Add($"\"{name}\": {number.ToString("R", CultureInfo.InvariantCulture)}");
            }
        }
    }

    static string Pruned(PruningJob job)
    {
        List<string> parts = [];
        foreach ((string name, double value) in new[] { ("layers", job.Layers), ("kvHeads", job.KvHeads), ("heads", job.Heads), ("ffn", job.FfnShare), ("experts", job.Experts) })
        {
            if (value > 0)
            {
                parts.Add($"\"{name}\": {value.ToString("R", CultureInfo.InvariantCulture)}");
            }
        }

        if (job.Sparsity is { } sparsity)
        {
            parts.Add($"\"sparsity\": {Quoted(sparsity.Group > 0 ? $"{sparsity}" : sparsity.Share.ToString("R", CultureInfo.InvariantCulture))}");
            parts.Add($"\"zeros\": {Quoted(PruningMethods.Zeros.First(known => known.Value == job.Zeros).Key)}");
        }

        parts.Add($"\"units\": {Quoted(PruningMethods.Units.First(known => known.Value == job.Method).Key)}");
        return $"{{ {string.Join(", ", parts)} }}";
    }

    static string Ruled(RecipeRule rule)
    {
        string formats = rule.Formats.Length == 1 ? Quoted($"{rule.Formats[0]}") : rule.Formats.IsEmpty ? "\"search\"" : List(rule.Formats);
        return $"{{ \"tensors\": {Quoted(rule.Tensors)}, \"format\": {formats}{(rule.Method is { } method ? $", \"method\": {Quoted(method)}" : "")} }}";
    }

    static string List<T>(IEnumerable<T> values) => $"[{string.Join(", ", values.Select(value => Quoted($"{value}")))}]";

    static string Quoted(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping) is JsonEncodedText encoded ? $"\"{encoded}\"" : "";
}
