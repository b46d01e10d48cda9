using System.Text.Json.Serialization;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Files;

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(StoredFile))]
[JsonSerializable(typeof(Page<StoredFile>), TypeInfoPropertyName = "FilePage")]
[JsonSerializable(typeof(DeletedFile))]
sealed partial class FilesJson : JsonSerializerContext
{
    public static FilesJson Wire { get; } = new(WireJson.CreateOptions());
}
