using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Server.Answers;

namespace OpenAutoGlm.Server.Embeddings;

/// <summary>POST /v1/embeddings.</summary>
static class EmbeddingRoute
{
    public static void Map(IEndpointRouteBuilder routes, ModelFlow flow) =>
        routes.MapPost("/v1/embeddings", flow.Handle(EmbeddingBody.Read, AnswerAsync));

    static async Task AnswerAsync(ModelCall<EmbeddingBody> call)
    {
        ImmutableArray<Embedding> embeddings = await call.Tools.EmbedAsync(call.Request.Request(), call.Cancellation);
        int tokens = embeddings.Sum(embedding => embedding.Tokens);
        call.Record.PromptTokens = tokens;
        HttpResponse response = call.Context.Response;
        response.ContentType = "application/json; charset=utf-8";

        // Vectors are long: what is written goes out before the next is.
        await using Utf8JsonWriter json = new(response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        for (int i = 0; i < embeddings.Length; i++)
        {
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", i);
            WriteVector(json, embeddings[i].Vector.AsSpan(), call.Request.IsBase64);
            json.WriteEndObject();
            await json.FlushAsync(call.Cancellation);
            await response.BodyWriter.FlushAsync(call.Cancellation);
        }

        json.WriteEndArray();
        json.WriteString("model", call.Model.Id);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteVector(Utf8JsonWriter json, ReadOnlySpan<float> vector, bool isBase64)
    {
        if (isBase64)
        {
            byte[] bytes = new byte[vector.Length * sizeof(float)];
            for (int i = 0; i < vector.Length; i++)
            {
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
            }

            json.WriteBase64String("embedding", bytes);
            return;
        }

        json.WriteStartArray("embedding");
        foreach (float element in vector)
        {
            json.WriteNumberValue(element);
        }

        json.WriteEndArray();
    }
}
