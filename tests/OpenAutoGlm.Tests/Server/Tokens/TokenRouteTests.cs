using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server.Tokens;

/// <summary>/tokenize, /detokenize and /apply-template.</summary>
public class TokenRouteTests
{
    [Theory]
    [InlineData("/tokenize")]
    [InlineData("/v1/tokenize")]
    public async Task A_text_becomes_its_tokens(string path)
    {
        await using TinyServer server = await TinyServer.StartAsync();
        JsonNode body = await server.Test.PostAsync(path, """{"model": "tiny", "prompt": "hello hello", "return_token_strs": true}""").JsonAsync();
        int[] tokens = TinyServer.Tokens.Encode("hello hello", parseSpecials: true);
        Assert.Equal(tokens, Ids(body));
        Assert.Equal((tokens.Length, server.Engine.ContextLength), ((int)body["count"]!, (int)body["max_model_len"]!));
        Assert.Equal(tokens.Select(TinyServer.Tokens.TokenText), body["token_strs"]!.AsArray().Select(text => (string)text!));
        JsonNode pieces = await server.Test.PostAsync(path, """{"content": "hello hello", "with_pieces": true}""").JsonAsync();
        Assert.All(pieces["tokens"]!.AsArray(), piece => Assert.Equal(TinyServer.Tokens.TokenText((int)piece!["id"]!), (string)piece["piece"]!));
    }

    [Fact]
    public async Task Special_tokens_are_added_as_asked()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        int[] plain = TinyServer.Tokens.Encode("hello", parseSpecials: true, addSpecials: false);
        int[] whole = TinyServer.Tokens.Encode("hello", parseSpecials: true, addSpecials: true);
        Assert.Equal(whole, Ids(await server.Test.PostAsync("/tokenize", """{"prompt": "hello"}""").JsonAsync()));
        Assert.Equal(plain, Ids(await server.Test.PostAsync("/tokenize", """{"prompt": "hello", "add_special_tokens": false}""").JsonAsync()));
        Assert.Equal(plain, Ids(await server.Test.PostAsync("/tokenize", """{"content": "hello"}""").JsonAsync()));
        Assert.Equal(whole, Ids(await server.Test.PostAsync("/tokenize", """{"content": "hello", "add_special": true}""").JsonAsync()));
    }

    [Fact]
    public async Task A_conversation_is_rendered_and_then_tokenised()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        const string conversation = """{"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": false, "chat_template_kwargs": {"mood": "!"}}""";
        JsonNode rendered = await server.Test.PostAsync("/apply-template", conversation).JsonAsync();
        Assert.Equal("user:Hi;!", (string)rendered["prompt"]!);
        Assert.Equal("user:Hi;>", (string)(await server.Test.PostAsync("/v1/apply-template", """{"messages": [{"role": "user", "content": "Hi"}]}""").JsonAsync())["prompt"]!);
        Assert.Equal(TinyServer.Tokens.Encode("user:Hi;!", parseSpecials: true, addSpecials: false), Ids(await server.Test.PostAsync("/tokenize", conversation).JsonAsync()));
    }

    [Fact]
    public async Task Tokens_become_their_text_again()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        int[] tokens = TinyServer.Tokens.Encode("hello, world", parseSpecials: true, addSpecials: false);
        JsonNode body = await server.Test.PostAsync("/detokenize", $$"""{"tokens": [{{string.Join(",", tokens)}}]}""").JsonAsync();
        Assert.Equal(("hello, world", "hello, world"), ((string)body["prompt"]!, (string)body["content"]!));
        Assert.Equal("", (string)(await server.Test.PostAsync("/v1/detokenize", """{"tokens": []}""").JsonAsync())["prompt"]!);
    }

    [Theory]
    [InlineData("/tokenize", "{}", "prompt or messages", "missing_required_parameter")]
    [InlineData("/tokenize", """{"prompt": "x", "messages": [{"role": "user", "content": "x"}]}""", "messages", "invalid_value")]
    [InlineData("/tokenize", """{"prompt": "x", "content": "y"}""", "content", "invalid_value")]
    [InlineData("/tokenize", """{"messages": [{"role": "user", "content": "x"}], "add_special_tokens": true}""", "add_special_tokens", "invalid_value")]
    [InlineData("/tokenize", """{"prompt": 3}""", "prompt", "invalid_type")]
    [InlineData("/tokenize", """{"prompt": "x", "padding": true}""", "padding", "unknown_parameter")]
    [InlineData("/detokenize", "{}", "tokens", "missing_required_parameter")]
    [InlineData("/detokenize", """{"tokens": "x"}""", "tokens", "invalid_type")]
    [InlineData("/detokenize", """{"tokens": [1, 99999]}""", "tokens", "invalid_value")]
    [InlineData("/detokenize", """{"tokens": [1, -1]}""", "tokens", "invalid_value")]
    [InlineData("/detokenize", """{"tokens": [[1], [2]]}""", "tokens", "invalid_type")]
    [InlineData("/apply-template", """{"prompt": "x"}""", "prompt", "unknown_parameter")]
    [InlineData("/apply-template", """{"messages": []}""", "messages", "invalid_value")]
    [InlineData("/apply-template", """{"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"messages": 1}}""", "chat_template_kwargs.messages", "invalid_value")]
    public async Task What_makes_no_sense_is_a_400_with_the_parameter(string path, string body, string parameter, string code)
    {
        await using TinyServer server = await TinyServer.StartAsync();
        JsonNode error = await server.Test.PostAsync(path, body).ErrorAsync(400);
        Assert.Equal((parameter, code), ((string)error["param"]!, (string)error["code"]!));
    }

    static IEnumerable<int> Ids(JsonNode body) => body["tokens"]!.AsArray().Select(id => (int)id!);
}
