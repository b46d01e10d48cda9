using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>What a recipe leaves to a search in a model.</summary>
public static class RecipeSpace
{
    /// <summary>The choices.</summary>
    /// <exception cref="RecipeException">The recipe names tensors or groups that the model does not have, or formats that they cannot have.</exception>
    public static ChoiceSpace Of(Recipe recipe, ModelConfig config, IWeights weights)
    {
        ChoiceSpace space = ChoiceSpace.Of(config, weights, recipe.Grouping, recipe.Formats, recipe.KvFormats);
        string[] tensors = [.. space.Groups.SelectMany(group => group.Tensors).Select(tensor => tensor.Name)];
        foreach (RecipeRule rule in recipe.Rules.Where(rule => !tensors.Any(name => Pattern.Matches(rule.Tensors, name))))
        {
            throw new RecipeException($"The rule for '{rule.Tensors}' names no tensor that could be rounded.{NearestName.Hint(rule.Tensors, tensors)} The model has {Some(tensors)}.");
        }

        foreach (string name in recipe.Groups.Keys.Where(name => space.IndexOf(name) < 0))
        {
            string[] groups = [.. space.Groups.Select(group => group.Name)];
            throw new RecipeException($"The model has no group '{name}'.{NearestName.Hint(name, groups)} It has {Some(groups)}.");
        }

        return space with { Choices = [.. Enumerable.Range(0, space.Groups.Length).Select(g => Choices(recipe, space, g))] };
    }

    /// <summary>The assignment of a recipe that leaves nothing open; null where there is something to search.</summary>
    public static Assignment? Fixed(ChoiceSpace space) => space.Choices.All(choices => choices.Length == 1) && space.KvChoices.Length == 1
        ? new Assignment([.. space.Choices.Select(choices => choices[0])], space.KvChoices[0])
        : null;

    static ImmutableArray<TensorFormat> Choices(Recipe recipe, ChoiceSpace space, int g)
    {
        TensorGroup group = space.Groups[g];
        if (recipe.Groups.TryGetValue(group.Name, out TensorFormat format))
        {
            bool possible = format == space.Sources[g] || (FormatRule.Fits(format, group.Columns) && BlockFormat.Of(format).BitsPerElement < BlockFormat.Of(space.Sources[g]).BitsPerElement);
            return possible
                ? [format]
                : throw new RecipeException($"'{group.Name}' cannot be {format}: it comes as {space.Sources[g]} with rows of {group.Columns} elements. Possible are {string.Join(", ", FormatRule.ChoicesOf(group, space.Sources[g], []))}.");
        }

        RecipeRule? rule = recipe.Rules.LastOrDefault(rule => !rule.Formats.IsEmpty && group.Tensors.Any(tensor => Pattern.Matches(rule.Tensors, tensor.Name)));
        return rule is null ? space.Choices[g] : [.. rule.Formats.Select(wanted => FormatSearch.StandIn(space, g, wanted)).Distinct()];
    }

    static string Some(string[] names) => names.Length <= 8 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(8))} and {names.Length - 8} more";
}
