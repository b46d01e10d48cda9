using System.Text.Json;
using System.Text.Json.Serialization;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>How Ollama's bodies become JSON.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(AnswerLine))]
[JsonSerializable(typeof(TagList))]
[JsonSerializable(typeof(ShowBody))]
[JsonSerializable(typeof(VersionBody))]
sealed partial class OllamaJson : JsonSerializerContext
{
    /// <summary>The context to use.</summary>
    public static OllamaJson Wire { get; } = new(new JsonSerializerOptions(WireJson.CreateOptions()) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull });
}
