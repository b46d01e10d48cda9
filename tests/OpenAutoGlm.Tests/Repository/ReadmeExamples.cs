using Microsoft.Extensions.AI;

namespace OpenAutoGlm.Repository;

/// <summary>The README's C#, compiled. <see cref="ReadmeTests"/> holds the two together.</summary>
static class ReadmeExamples
{
    internal static async Task Ask()
    {
        await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync("zai-org/glm-edge-1.5b-chat");
        using IChatClient chat = engine.AsChatClient();          // Microsoft.Extensions.AI; tools, schemas and streams included
        Console.WriteLine(await chat.GetResponseAsync("Why is the sky blue?"));
    }
}
