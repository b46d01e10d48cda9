using System.Text.Json.Serialization;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>How Anthropic's bodies become JSON.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(Message))]
[JsonSerializable(typeof(TokenCount))]
[JsonSerializable(typeof(StreamEvent))]
sealed partial class AnthropicJson : JsonSerializerContext
{
    /// <summary>The context to use.</summary>
    public static AnthropicJson Wire { get; } = new(WireJson.CreateOptions());
}
