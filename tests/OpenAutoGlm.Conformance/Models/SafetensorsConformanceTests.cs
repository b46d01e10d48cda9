using OpenAutoGlm.Models.Safetensors;

namespace OpenAutoGlm.Models;

public class SafetensorsConformanceTests
{
    [Theory]
    [InlineData("stories260K")]
    [InlineData("babyllama105")]
    public void Trained_models_are_read(string name)
    {
        using SafetensorsModel model = SafetensorsModel.Open(SharedData.Path("models", name));
        Assert.Contains("model.layers.4.self_attn.q_proj.weight", model.Tensors.Select(tensor => tensor.Name));
        Assert.All(model.Tensors, tensor => Assert.True(model.TryGetTensor(tensor.Name, out _)));
    }
}
