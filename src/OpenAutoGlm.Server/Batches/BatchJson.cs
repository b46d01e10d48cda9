using System.Text.Json.Serialization;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Batch))]
[JsonSerializable(typeof(Page<Batch>), TypeInfoPropertyName = "BatchPage")]
sealed partial class BatchJson : JsonSerializerContext
{
    public static BatchJson Wire { get; } = new(WireJson.CreateOptions());
}
