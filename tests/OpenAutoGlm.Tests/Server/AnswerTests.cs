using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server;

/// <summary>Answers field by field, in one body and as streams.</summary>
public class AnswerTests
{
    [Fact]
    public async Task A_chat_is_answered_in_one_body()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode body = await server.ChatAsync(""", "n": 2""").JsonAsync();
        Assert.StartsWith("chatcmpl-", (string)body["id"]!, StringComparison.Ordinal);
        Assert.Equal(("chat.completion", "tiny"), ((string)body["object"]!, (string)body["model"]!));
        Assert.True((long)body["created"]! > 1_700_000_000);
        Assert.Equal("""
            [{"index":0,"message":{"content":"Hello","role":"assistant","refusal":null},"logprobs":null,"finish_reason":"stop"},{"index":1,"message":{"content":"Hello","role":"assistant","refusal":null},"logprobs":null,"finish_reason":"stop"}]
            """, body["choices"]!.ToJsonString());
        Assert.Equal("""{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":3}}""", body["usage"]!.ToJsonString());
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task A_chat_is_streamed()
    {
        await using TestServer server = await TestServer.StartAsync();
        List<string> events = await server.ChatAsync(""", "stream": true""").EventsAsync();
        Assert.Equal("[DONE]", events[^1]);
        JsonNode[] chunks = [.. events[..^1].Select(text => JsonNode.Parse(text)!)];
        Assert.Single(chunks.Select(chunk => (string)chunk["id"]!).Distinct());
        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", (string)chunk["object"]!));
        Assert.All(chunks, chunk => Assert.False(chunk.AsObject().ContainsKey("usage")));
        Assert.Equal(
            [
                """{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}""",
                """{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}""",
                """{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}""",
                """{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}""",
            ],
            chunks.Select(chunk => chunk["choices"]!.AsArray().Single()!.ToJsonString()));
    }

    [Fact]
    public async Task Usage_comes_in_a_last_chunk_without_choices()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (Task<HttpResponseMessage> sending in new[]
        {
            server.ChatAsync(""", "n": 2, "stream": true, "stream_options": {"include_usage": true}"""),
            server.CompleteAsync(""", "n": 2, "stream": true, "stream_options": {"include_usage": true}"""),
        })
        {
            JsonNode last = JsonNode.Parse((await sending.EventsAsync())[^2])!;
            Assert.Empty(last["choices"]!.AsArray());
            Assert.Equal("""{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":3}}""", last["usage"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task Streamed_choices_keep_their_indices()
    {
        await using TestServer server = await TestServer.StartAsync();
        List<string> events = await server.PostAsync("/v1/completions", """{"model": "tiny", "prompt": ["a", "b"], "n": 2, "stream": true}""").EventsAsync();
        string[] texts = ["", "", "", ""];
        int[] finishes = [0, 0, 0, 0];
        foreach (JsonNode choice in events[..^1].Select(text => JsonNode.Parse(text)!["choices"]![0]!))
        {
            int index = (int)choice["index"]!;
            Assert.Equal(0, finishes[index]);
            texts[index] += (string)choice["text"]!;
            finishes[index] += choice["finish_reason"] is null ? 0 : 1;
        }

        Assert.Equal(["Hello", "Hello", "Hello", "Hello"], texts);
        Assert.Equal([1, 1, 1, 1], finishes);
        Assert.Equal(["a", "b"], server.Source.Requests.Select(request => ((GenerationPrompt.Text)request.Prompt).Content));
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task A_completion_is_answered_in_one_body()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Reason = FinishReason.Length;
        JsonNode body = await server.PostAsync("/v1/completions", """{"model": "org/tiny", "prompt": [[1], [2]], "max_tokens": 2}""").JsonAsync();
        Assert.StartsWith("cmpl-", (string)body["id"]!, StringComparison.Ordinal);
        Assert.Equal(("text_completion", "tiny"), ((string)body["object"]!, (string)body["model"]!));
        Assert.Equal("""[{"index":0,"text":"Hello","logprobs":null,"finish_reason":"length"},{"index":1,"text":"Hello","logprobs":null,"finish_reason":"length"}]""", body["choices"]!.ToJsonString());
        Assert.Equal((14, 4, 18, 6), ((int)body["usage"]!["prompt_tokens"]!, (int)body["usage"]!["completion_tokens"]!, (int)body["usage"]!["total_tokens"]!, (int)body["usage"]!["prompt_tokens_details"]!["cached_tokens"]!));
    }

    [Fact]
    public async Task Chat_logprobs_name_tokens_bytes_and_rivals()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Pieces = ["é"];
        JsonNode body = await server.ChatAsync(""", "logprobs": true, "top_logprobs": 2""").JsonAsync();
        Assert.Equal(
            """{"content":[{"token":"é","logprob":-0.25,"bytes":[195,169],"top_logprobs":[{"token":"é","logprob":-0.25,"bytes":[195,169]},{"token":"r1","logprob":-9999,"bytes":[114,49]}]}],"refusal":null}""",
            body["choices"]![0]!["logprobs"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        List<string> events = await server.ChatAsync(""", "logprobs": true, "stream": true""").EventsAsync();
        Assert.Equal("[]", JsonNode.Parse(events[1])!["choices"]![0]!["logprobs"]!["content"]![0]!["top_logprobs"]!.ToJsonString());
    }

    [Fact]
    public async Task Completion_logprobs_count_offsets_in_characters_through_the_stream()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Pieces = ["é😀", "b"];
        JsonNode body = await server.CompleteAsync(""", "logprobs": 1""").JsonAsync();
        JsonNode logprobs = body["choices"]![0]!["logprobs"]!;
        Assert.Equal(["é😀", "b"], logprobs["tokens"]!.AsArray().Select(token => (string)token!));
        Assert.Equal("[0,2]", logprobs["text_offset"]!.ToJsonString());
        Assert.Equal("[-0.25,-0.25]", logprobs["token_logprobs"]!.ToJsonString());
        Assert.Equal("""[{"b":-0.25}]""", new JsonArray(logprobs["top_logprobs"]![1]!.DeepClone()).ToJsonString());
        List<string> events = await server.CompleteAsync(""", "logprobs": 0, "stream": true""").EventsAsync();
        Assert.Equal("[2]", JsonNode.Parse(events[1])!["choices"]![0]!["logprobs"]!["text_offset"]!.ToJsonString());
    }

    [Fact]
    public async Task Text_other_than_ascii_line_breaks_and_quotes_survive_both_ways()
    {
        const string text = "你好 😀 \"quoted\" \r\n\u2028\u0085\t\\ </script> \u0001";
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Pieces = [text];
        Assert.Equal(text, (string)(await server.ChatAsync().JsonAsync())["choices"]![0]!["message"]!["content"]!);
        List<string> events = await server.ChatAsync(""", "stream": true""").EventsAsync();
        Assert.Equal(text, (string)JsonNode.Parse(events[1])!["choices"]![0]!["delta"]!["content"]!);
    }

    [Fact]
    public async Task The_phone_agents_probe_and_its_parameters_are_served()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode probe = await server.ChatAsync(""", "max_tokens": 5, "temperature": 0, "stream": false""").JsonAsync();
        Assert.NotNull(probe["usage"]);
        await server.ChatAsync(""", "max_tokens": 3000, "temperature": 0.0, "top_p": 0.85, "frequency_penalty": 0.2, "stream": true""").EventsAsync();
        Assert.Equal((0f, 0.85f, 0.2f, 3000), (server.Source.Last.Sampling.Temperature, server.Source.Last.Sampling.TopP, server.Source.Last.Sampling.FrequencyPenalty, server.Source.Last.MaxTokens));
    }
}
