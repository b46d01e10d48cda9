using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.OpenAi.Responses;

namespace OpenAutoGlm.Server.Wire;

/// <summary>How answers become JSON: generated at compile time, snake_case, text other than ASCII as it is.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelEntry))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(Completion))]
[JsonSerializable(typeof(HealthBody))]
[JsonSerializable(typeof(VersionBody))]
sealed partial class WireJson : JsonSerializerContext
{
    /// <summary>The context to use. Its encoder leaves more as it is than one for HTML may; bodies are application/json only.</summary>
    public static WireJson Wire { get; } = new(CreateOptions());

    /// <summary>The options of every context of this project, one instance for each.</summary>
    public static JsonSerializerOptions CreateOptions() => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static async Task WriteAsync<T>(HttpResponse response, T body, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(body, type);
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = json.Length;
        await response.BodyWriter.WriteAsync(json, cancellation);
    }
}
