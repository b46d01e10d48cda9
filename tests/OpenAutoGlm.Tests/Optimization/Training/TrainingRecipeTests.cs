using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Training.Data;
using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Optimization.Training;

public sealed class TrainingRecipeTests
{
    [Fact]
    public void What_a_file_leaves_out_is_as_by_default_and_paths_are_beside_it()
    {
        using TemporaryFolder folder = new();
        folder.Write("shape.json", "{}");
        string path = folder.Write("recipe.json", """
            {
              // a remark
              "data": ["text.txt"], "shape": "shape.json", "vocabulary": { "size": 300, "eos": null }, "steps": 7,
              "update": { "rule": "Muon" }, "tooLong": "TruncateFront", "learningRate": 0.25,
            }
            """);
        TrainingRecipe recipe = TrainingRecipe.Read(path);
        Assert.Equal([folder.File("text.txt")], recipe.Data);
        Assert.Equal(folder.File("shape.json"), recipe.Shape);
        Assert.Equal((300, null, 2), (recipe.Vocabulary.Size, recipe.Vocabulary.Eos, recipe.Vocabulary.MinimumCount));
        Assert.Equal(new UpdateOptions { Rule = UpdateRule.Muon }, recipe.Update);
        Assert.Equal((LengthStrategy.TruncateFront, 0.25, 4096, 1.0), (recipe.TooLong, recipe.LearningRate, recipe.BatchTokens, recipe.Clip));
        Assert.Equal(RunLength.Steps(7), recipe.Length());

        string again = folder.Write("again.json", recipe.ToJson());
        Assert.Equal(recipe.ToJson(), TrainingRecipe.Read(again).ToJson());
    }

    [Theory]
    [InlineData("""{"lerningRate": 1}""", "lerningRate")]
    [InlineData("""[]""", "object")]
    [InlineData("""{"steps": "many"}""", "steps")]
    [InlineData("""{"steps": """, "recipe.json")]
    public void What_is_no_recipe_is_refused_by_name(string text, string named)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("recipe.json", text);
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => TrainingRecipe.Read(path)).Message);
    }
}
