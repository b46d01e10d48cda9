using System.Buffers.Binary;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Server.Embeddings;

/// <summary>/v1/embeddings over a real engine.</summary>
public class EmbeddingRouteTests
{
    [Fact]
    public async Task Texts_and_their_ids_have_the_same_vectors_in_their_order()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string[] texts = ["Hi", "hello there", "x"];
        JsonNode body = await Post(server, """{"model": "tiny", "input": ["Hi", "hello there", "x"]}""").JsonAsync();
        Assert.Equal(("list", "tiny"), ((string)body["object"]!, (string)body["model"]!));
        int[][] ids = [.. texts.Select(text => TinyServer.Tokens.Encode(text, parseSpecials: true))];
        Assert.Equal(ids.Sum(one => one.Length), (int)body["usage"]!["prompt_tokens"]!);
        Assert.Equal((int)body["usage"]!["prompt_tokens"]!, (int)body["usage"]!["total_tokens"]!);
        JsonNode byIds = await Post(server, $$"""{"model": "tiny", "input": [{{string.Join(", ", ids.Select(one => $"[{string.Join(",", one)}]"))}}]}""").JsonAsync();
        for (int i = 0; i < texts.Length; i++)
        {
            Assert.Equal(i, (int)body["data"]![i]!["index"]!);
            float[] vector = Vector(body, i);
            Assert.Equal(vector, Vector(byIds, i));
            Assert.Equal(vector, (await server.Engine.EmbedAsync(new SequenceRequest { Prompt = [.. ids[i]] }, Pooling.Last, TestContext.Current.CancellationToken)).Vector);
            Assert.Equal(vector, Vector(await Post(server, $$"""{"model": "tiny", "input": "{{texts[i]}}", "user": "u", "priority": 3}""").JsonAsync(), 0));
        }
    }

    [Fact]
    public async Task Base64_has_the_same_floats_and_fewer_dimensions_are_of_length_one()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        float[] whole = Vector(await Post(server, """{"model": "tiny", "input": "Hi", "encoding_format": "float"}""").JsonAsync(), 0);
        JsonNode base64 = await Post(server, """{"model": "tiny", "input": "Hi", "encoding_format": "base64"}""").JsonAsync();
        byte[] bytes = Convert.FromBase64String((string)base64["data"]![0]!["embedding"]!);
        Assert.Equal(whole, Enumerable.Range(0, bytes.Length / 4).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * 4))));
        float[] few = Vector(await Post(server, """{"model": "tiny", "input": "Hi", "dimensions": 5}""").JsonAsync(), 0);
        Assert.Equal(5, few.Length);
        Assert.Equal(1, few.Sum(x => (double)x * x), 1e-6);
        Assert.Equal(whole[0] / whole[1], few[0] / few[1], 1e-4);
    }

    [Fact]
    public async Task Two_thousand_inputs_are_served_by_a_queue_of_twelve()
    {
        await using TinyServer server = await TinyServer.StartAsync(new EngineOptions { MaxSequences = 4, QueueLimit = 8 });
        string input = string.Join(", ", Enumerable.Range(0, 2048).Select(i => $"[{i % 7}, {i % 5}]"));
        JsonNode body = await Post(server, $$"""{"model": "tiny", "input": [{{input}}], "dimensions": 2}""").JsonAsync();
        Assert.Equal(2048, body["data"]!.AsArray().Count);
        Assert.Equal(Vector(body, 3), Vector(body, 3 + 35));
        Assert.Equal(0, server.Engine.Statistics.UsedKvBlocks);
    }

    [Theory]
    [InlineData("""{"input": "x"}""", "model", "missing_required_parameter")]
    [InlineData("""{"model": "tiny"}""", "input", "missing_required_parameter")]
    [InlineData("""{"model": "tiny", "input": []}""", "input", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": ""}""", "input", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": ["x", ""]}""", "input[1]", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": [[1], [99999]]}""", "input[1]", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": [[1], [-1]]}""", "input[1]", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": ["x", 3]}""", "input[1]", "invalid_type")]
    [InlineData("""{"model": "tiny", "input": {"text": "x"}}""", "input", "invalid_type")]
    [InlineData("""{"model": "tiny", "input": "x", "dimensions": 17}""", "dimensions", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "dimensions": 0}""", "dimensions", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "encoding_format": "f16"}""", "encoding_format", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "stream": true}""", "stream", "unknown_parameter")]
    public async Task What_cannot_be_embedded_is_a_400_with_the_parameter(string body, string parameter, string code)
    {
        await using TinyServer server = await TinyServer.StartAsync();
        JsonNode error = await Post(server, body).ErrorAsync(400);
        Assert.Equal((parameter, code), ((string)error["param"]!, (string)error["code"]!));
    }

    [Fact]
    public async Task A_text_over_the_context_is_refused_with_both_lengths_before_any_runs()
    {
        await using TinyServer server = await TinyServer.StartAsync(new EngineOptions { ContextLength = 32 });
        JsonNode error = await Post(server, $$"""{"model": "tiny", "input": [[1], [{{string.Join(",", Enumerable.Repeat(1, 33))}}]]}""").ErrorAsync(400);
        Assert.Equal(("input[1]", "context_length_exceeded"), ((string)error["param"]!, (string)error["code"]!));
        Assert.Equal("input[1] has 33 tokens, but the context holds 32.", (string)error["message"]!);
        Assert.Equal(0, server.Engine.Statistics.PrefilledTokens);
        string many = string.Join(",", Enumerable.Repeat("\"x\"", 2049));
        Assert.Contains("2048", (string)(await Post(server, $$"""{"model": "tiny", "input": [{{many}}]}""").ErrorAsync(400))["message"]!, StringComparison.Ordinal);
        Assert.Equal("model_not_found", (string)(await Post(server, """{"model": "huge", "input": "x"}""").ErrorAsync(404))["code"]!);
    }

    [Fact]
    public async Task A_source_that_only_writes_text_says_so()
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.Equal("model", (string)(await server.PostAsync("/v1/embeddings", """{"model": "tiny", "input": "x"}""").ErrorAsync(400))["param"]!);
    }

    static Task<HttpResponseMessage> Post(TinyServer server, string body) => server.Test.PostAsync("/v1/embeddings", body);

    static float[] Vector(JsonNode body, int index) => [.. body["data"]![index]!["embedding"]!.AsArray().Select(element => (float)element!)];
}
