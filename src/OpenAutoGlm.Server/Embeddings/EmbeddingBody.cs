using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.Embeddings;

/// <summary>The body of /v1/embeddings.</summary>
sealed class EmbeddingBody : IModelRequest
{
    bool _addSpecialTokens = true;

    public static BodyTable<EmbeddingBody> Table { get; } = new("/v1/embeddings",
    [
        new("model", Honoured, "string, required", "Id or alias of a served model.", (body, value) => body.Model = value.String()),
        new("input", Honoured, "string, array of strings, array of ids, array of arrays of ids; required", "What to embed: at most 2048 texts, each within the context.",
            (body, value) => body.Inputs = Prompts.Read(value, EmbeddingRequest.MaxInputs)),
        new("encoding_format", Honoured, "\"float\" or \"base64\"; default \"float\"", "base64 has the vector's 32-bit floats, little-endian.",
            (body, value) => body.IsBase64 = value.String() switch { "float" => false, "base64" => true, _ => throw value.Invalid("must be \"float\" or \"base64\"") }),
        new("dimensions", Honoured, "integer ≥ 1", "Keeps the first dimensions, at most the model's width, and brings the vector to length 1 again.",
            (body, value) => body.Dimensions = value.Int(1)),
        new("add_special_tokens", Honoured, "boolean; default true", "Whether the tokenizer adds what the model wants around a text.",
            (body, value) => body._addSpecialTokens = value.Bool()),
        new("priority", Honoured, "integer; default 0", "How urgent it is: smaller numbers go first, always.",
            (body, value) => body.Priority = value.Int()),
        new("user", Honoured, "string of at most 256 characters", "Whose request it is: users of one priority get equal shares of the engine. Not logged.",
            (body, value) => body.Tenant = value.String(SequenceRequest.MaxNameLength)),
    ]);

    public string? Model { get; private set; }

    public string TextName => "input";

    public ImmutableArray<GenerationPrompt> Inputs { get; private set; } = [];

    public bool IsBase64 { get; private set; }

    public int? Dimensions { get; private set; }

    public int Priority { get; private set; }

    public string? Tenant { get; private set; }

    /// <exception cref="ApiException">The body cannot be honoured as it stands.</exception>
    public static EmbeddingBody Read(JsonElement element)
    {
        EmbeddingBody body = new();
        Table.Read(body, element);
        return body.Model is null ? throw new ApiException(ApiError.Missing("model"))
            : body.Inputs.IsEmpty ? throw new ApiException(ApiError.Missing("input"))
            : body;
    }

    public EmbeddingRequest Request() => new()
    {
        Inputs = [.. Inputs.Select(input => input is GenerationPrompt.Text text ? text with { AddSpecialTokens = _addSpecialTokens } : input)],
        Dimensions = Dimensions,
        Priority = Priority,
        Tenant = Tenant,
    };
}
