namespace OpenAutoGlm.Repository;

/// <summary>The README's C#, compiled. <see cref="ReadmeTests"/> holds the two together.</summary>
static class ReadmeExamples
{
    internal static async Task Ask()
    {
        await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync("zai-org/glm-edge-1.5b-chat");
        await foreach (string piece in engine.StreamAsync("Why is the sky blue?"))
        {
            Console.Write(piece);
        }
    }
}
