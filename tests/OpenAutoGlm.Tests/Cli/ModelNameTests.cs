using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli;

public sealed class ModelNameTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_exists_is_a_path()
    {
        Assert.Equal(new ModelName.Path(_folder.Root), ModelName.Parse(_folder.Root));
        string file = _folder.Write("model.gguf", "");
        Assert.Equal(new ModelName.Path(file), ModelName.Parse(file));
    }

    [Theory]
    [InlineData("zai-org/GLM-4-9B-0414", "zai-org/GLM-4-9B-0414", "main")]
    [InlineData("zai-org/glm-edge-1.5b-chat@v1.0", "zai-org/glm-edge-1.5b-chat", "v1.0")]
    public void Organisation_and_model_are_a_name_on_the_hub(string text, string repository, string revision)
    {
        ModelName.Hub name = Assert.IsType<ModelName.Hub>(ModelName.Parse(text));
        Assert.Equal((repository, revision), (name.Reference.Repository, name.Reference.Revision));
    }

    [Fact]
    public void The_built_in_model_has_a_name_of_its_own()
    {
        Assert.Equal(new ModelName.BuiltIn(), ModelName.Parse(BuiltInModel.Name));
        Assert.IsType<ModelName.Hub>(ModelName.Parse($"somebody/{BuiltInModel.Name}"));
        Assert.Equal(new ModelName.Path($"./{BuiltInModel.Name}"), ModelName.Parse($"./{BuiltInModel.Name}"));
    }

    [Theory]
    [InlineData("synth:glm4-tiny", "glm4-tiny", null)]
    [InlineData("synth:llama-1b:Q4_K", "llama-1b", "Q4_K")]
    public void A_shape_is_made(string text, string shape, string? format) =>
        Assert.Equal(new ModelName.Synthetic(shape, format), ModelName.Parse(text));

    [Theory]
    [InlineData("models/nothing.gguf")]
    [InlineData("/no/such/folder")]
    [InlineData("./org/model")]
    [InlineData("../model")]
    [InlineData("a/../b")]
    [InlineData("glm-4-9b-chat")]
    [InlineData("a/b@")]
    [InlineData("a/b c")]
    [InlineData("a/b/c")]
    [InlineData("")]
    public void Everything_else_is_a_path_that_is_not_there(string text) => Assert.Equal(new ModelName.Path(text), ModelName.Parse(text));
}
