using System.Text.Json.Serialization;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>How responses become JSON.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ResponseBody))]
[JsonSerializable(typeof(ResponseEvent))]
[JsonSerializable(typeof(DeletedBody))]
[JsonSerializable(typeof(ItemList))]
sealed partial class ResponsesJson : JsonSerializerContext
{
    /// <summary>The context to use.</summary>
    public static ResponsesJson Wire { get; } = new(WireJson.CreateOptions());
}
