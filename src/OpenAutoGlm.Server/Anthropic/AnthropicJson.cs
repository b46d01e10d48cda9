using System.Text.Json.Serialization;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>How Anthropic's bodies become JSON.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ErrorBody))]
sealed partial class AnthropicJson : JsonSerializerContext
{
    /// <summary>The context to use.</summary>
    public static AnthropicJson Wire { get; } = new(WireJson.CreateOptions());
}
