using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Recipes;

public sealed class RecipeTests
{
    const string Full = """
        {
          // everything that there is
          "recipe": 1,
          "model": "tiny \"quoted\"",
          "seed": 7,
          "method": "nearest",
          "formats": ["Q8_0", "Q4_K"],
          "grouping": "fused",
          "keysAndValues": ["BF16", "Q8_0"],
          "calibration": { "text": ["a.txt", "b.txt"], "windowTokens": 64, "windows": 9, "sensitivityWindows": 3, "heldOutWindows": 5 },
          "sensitivity": "coarse",
          "wish": { "maxBytes": 4294967296, "maxKl": 0.02, "maxLossPercent": 1.5, "maxDecodeSeconds": 0.04, "maxPrefillSeconds": 0.001, "contextTokens": 4096, "minimise": "decodeSeconds" },
          "rules": [
            { "tensors": "blk.*.attn_v.weight", "format": "Q8_0", "method": "importance" },
            { "tensors": "output.weight", "format": "search" },
          ],
          "groups": { "blk.0.ffn_down": "Q4_K" },
        }
        """;

    [Fact]
    public void A_recipe_that_was_written_reads_the_same_and_writes_the_same()
    {
        Recipe recipe = Recipe.Parse(Full);
        string written = recipe.ToJson();
        Assert.Equal(written, Recipe.Parse(written).ToJson());
        Assert.Equal((7, "nearest", Grouping.Fused, SensitivityMethod.Coarse), (recipe.Seed, recipe.Method, recipe.Grouping, recipe.Sensitivity));
        Assert.Equal([TensorFormat.Q8_0, TensorFormat.Q4_K], recipe.Formats);
        Assert.Equal(recipe.Wish, Recipe.Parse(written).Wish);
        Assert.Equal((4L << 30, Goal.DecodeSeconds, 4096), (recipe.Wish.MaxBytes!.Value, recipe.Wish.Goal, recipe.Wish.ContextTokens));
        Assert.Equal("tiny \"quoted\"", Recipe.Parse(written).Model);
        Assert.Equal(TensorFormat.Q4_K, recipe.Groups["blk.0.ffn_down"]);
        Assert.Equal(("importance", "nearest"), (recipe.MethodOf("blk.12.attn_v.weight"), recipe.MethodOf("output.weight")));
        Assert.Equal(new Recipe().ToJson(), Recipe.Parse(new Recipe().ToJson()).ToJson());
    }

    [Theory]
    [InlineData("""{ "recipe": 1, "metod": "nearest" }""", "line 1", "'metod'", "Did you mean 'method'?")]
    [InlineData("{ \"recipe\": 1,\n \"rules\": [\n { \"tensors\": \"a\" },\n { \"tensors\": \"b\", \"format\": \"Q4_J\" } ] }", "line 4", "'rules[1].format'", "Did you mean 'Q4_")]
    [InlineData("{ \"recipe\": 1,\n\n \"groups\": {\n  \"blk.0.attn_q\": \"Q9\" } }", "line 4", "'groups.blk.0.attn_q'", "there is no format 'Q9'")]
    [InlineData("{ \"recipe\": 1, \"wish\": {\n \"maxKl\": -1 } }", "line 2", "'wish.maxKl'", "above 0")]
    [InlineData("{ \"recipe\": 1, \"calibration\": { \"windows\": 1.5 } }", "'calibration.windows'", "whole number", "1.5")]
    [InlineData("{ \"recipe\": 1, \"rules\": [{ \"tensors\": \"*\", \"method\": \"smoothquant\" }] }", "'rules[0].method'", "smoothquant rewrites the whole model")]
    [InlineData("{ \"recipe\": 1, \"method\": \"importanc\" }", "'method'", "Did you mean 'importance'?", "nearest")]
    [InlineData("{ \"recipe\": 2 }", "'recipe'", "up to version 1", "2")]
    [InlineData("{ \"seed\": 2 }", "'recipe' is missing", "version", "1")]
    [InlineData("{ \"recipe\": 1,\n \"seed\" 3 }", "line 2", "no JSON", "recipe")]
    [InlineData("[]", "JSON object", "array", "recipe")]
    [InlineData("{ \"recipe\": 1, \"keysAndValues\": \"Q4_K\" }", "'keysAndValues'", "Known are F32", "search")]
    public void What_is_wrong_is_named_with_its_line_and_field(string json, params string[] expected)
    {
        string message = Assert.Throws<RecipeException>(() => Recipe.Parse(json)).Message;
        Assert.All(expected, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Rules_and_groups_decide_and_the_rest_is_left_to_the_search()
    {
        (ModelShape shape, SyntheticWeights weights) = Open();
        Recipe recipe = new()
        {
            Rules = [new RecipeRule("blk.*.attn_v.weight", [TensorFormat.Q6_K]), new RecipeRule("blk.1.*", [TensorFormat.Q8_0, TensorFormat.Q4_K])],
            Groups = new Recipe().Groups.Add("blk.0.ffn_down", TensorFormat.Q5_K),
        };
        ChoiceSpace space = RecipeSpace.Of(recipe, shape.Config, weights);
        Assert.Equal([TensorFormat.Q6_K], space.Choices[space.IndexOf("blk.0.attn_v")]);
        Assert.Equal([TensorFormat.Q8_0, TensorFormat.Q4_K], space.Choices[space.IndexOf("blk.1.attn_v")]);
        Assert.Equal([TensorFormat.Q5_K], space.Choices[space.IndexOf("blk.0.ffn_down")]);
        Assert.True(space.Choices[space.IndexOf("blk.0.ffn_up")].Length > 5);
        Assert.Null(RecipeSpace.Fixed(space));

        Assignment all = new([.. space.Choices.Select(choices => choices[0])], TensorFormat.Q8_0);
        ChoiceSpace again = RecipeSpace.Of(Recipe.Parse(recipe.With(space, all).ToJson()), shape.Config, weights);
        Assert.Equal(all, RecipeSpace.Fixed(again));
    }

    [Theory]
    [InlineData("blk.0.atn_v", "Did you mean 'blk.0.attn_v'?")]
    [InlineData("blk.9.attn_v", "has no group 'blk.9.attn_v'")]
    public void A_group_that_the_model_lacks_is_refused_with_the_nearest(string name, string expected)
    {
        (ModelShape shape, SyntheticWeights weights) = Open();
        Recipe recipe = new() { Groups = new Recipe().Groups.Add(name, TensorFormat.Q8_0) };
        Assert.Contains(expected, Assert.Throws<RecipeException>(() => RecipeSpace.Of(recipe, shape.Config, weights)).Message);
    }

    [Fact]
    public void A_rule_without_tensors_and_a_format_that_does_not_fit_are_refused()
    {
        (ModelShape shape, SyntheticWeights weights) = Open();
        Recipe misses = new() { Rules = [new RecipeRule("blk.*.attn_w.weight", [TensorFormat.Q8_0])] };
        Assert.Contains("'blk.*.attn_w.weight' names no tensor", Assert.Throws<RecipeException>(() => RecipeSpace.Of(misses, shape.Config, weights)).Message);

        SyntheticWeights small = new(shape, "Q4_0");
        Recipe grows = new() { Groups = new Recipe().Groups.Add("blk.0.attn_v", TensorFormat.Q8_0) };
        Assert.Contains("comes as Q4_0", Assert.Throws<RecipeException>(() => RecipeSpace.Of(grows, shape.Config, small)).Message);
    }

    [Theory]
    [InlineData("*", "anything", true)]
    [InlineData("blk.*.attn_?.weight", "blk.12.attn_q.weight", true)]
    [InlineData("blk.*.attn_?.weight", "blk.12.attn_qkv.weight", false)]
    [InlineData("a*b*c", "axxbxbxc", true)]
    [InlineData("a*b*c", "axxbxbxd", false)]
    [InlineData("", "", true)]
    [InlineData("**", "", true)]
    [InlineData("a?", "a", false)]
    public void A_star_stands_for_any_text_and_a_question_mark_for_one_character(string pattern, string name, bool matches) =>
        Assert.Equal(matches, Pattern.Matches(pattern, name));

    static (ModelShape Shape, SyntheticWeights Weights) Open()
    {
        ModelShape shape = ModelShape.Find("qwen3-tiny");
        return (shape, new SyntheticWeights(shape, "F32"));
    }
}
