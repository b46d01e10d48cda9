using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server;

public class ChatMessagesTests
{
    [Theory]
    [InlineData("""{"role": "user", "content": "x"}""", """{"role":"user","content":"x"}""")]
    [InlineData("""{"role": "system", "content": ""}""", """{"role":"system","content":""}""")]
    [InlineData("""{"role": "developer", "content": "x"}""", """{"role":"system","content":"x"}""")]
    [InlineData("""{"role": "user", "content": "x", "name": "Ann"}""", """{"role":"user","content":"x","name":"Ann"}""")]
    [InlineData("""{"role": "tool", "content": "x", "tool_call_id": "c1"}""", """{"role":"tool","content":"x","tool_call_id":"c1"}""")]
    [InlineData("""{"content": [{"type": "text", "text": "a"}, {"text": "b", "type": "text"}], "role": "user"}""", """{"role":"user","content":"a\nb"}""")]
    [InlineData("""{"role": "assistant", "content": "x", "refusal": null, "tool_calls": [], "function_call": null, "audio": null, "annotations": []}""", """{"role":"assistant","content":"x"}""")]
    [InlineData("""{"role": "assistant", "content": "x", "reasoning_content": "r"}""", """{"role":"assistant","content":"x","reasoning_content":"r"}""")]
    [InlineData("""{"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get", "arguments": "{\"a\": [1]}"}}]}""", """{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"get","arguments":{"a":[1]}}}]}""")]
    [InlineData("""{"role": "assistant", "tool_calls": [{"id": "c1", "index": 0, "function": {"name": "get", "arguments": ""}}]}""", """{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"get","arguments":{}}}]}""")]
    public void A_message_becomes_what_templates_expect(string message, string expected) => Assert.Equal(expected, Read(message));

    [Theory]
    [InlineData("5", "messages[0]", "invalid_type")]
    [InlineData("null", "messages[0]", "invalid_type")]
    [InlineData("{}", "messages[0].role", "missing_required_parameter")]
    [InlineData("""{"role": "user"}""", "messages[0].content", "missing_required_parameter")]
    [InlineData("""{"role": "user", "content": null}""", "messages[0].content", "missing_required_parameter")]
    [InlineData("""{"role": "user", "content": 5}""", "messages[0].content", "invalid_type")]
    [InlineData("""{"role": "user", "content": {}}""", "messages[0].content", "invalid_type")]
    [InlineData("""{"role": "user", "content": []}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"role": "user", "content": ["x"]}""", "messages[0].content[0]", "invalid_type")]
    [InlineData("""{"role": "user", "content": [{}]}""", "messages[0].content[0].type", "missing_required_parameter")]
    [InlineData("""{"role": "user", "content": [{"type": "text"}]}""", "messages[0].content[0].text", "missing_required_parameter")]
    [InlineData("""{"role": "user", "content": [{"type": "text", "text": null}]}""", "messages[0].content[0].text", "invalid_type")]
    [InlineData("""{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}""", "messages[0].content[0].x", "unknown_parameter")]
    [InlineData("""{"role": "user", "content": [{"type": "smell", "text": "a"}]}""", "messages[0].content[0].type", "invalid_value")]
    [InlineData("""{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/"}}]}""", "messages[0].content[0].type", "unsupported_parameter")]
    [InlineData("""{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}""", "messages[0].content[0].type", "unsupported_parameter")]
    [InlineData("""{"role": "robot", "content": "x"}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"role": "User", "content": "x"}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"role": 5, "content": "x"}""", "messages[0].role", "invalid_type")]
    [InlineData("""{"role": "user", "content": "x", "tool_call_id": "c1"}""", "messages[0].tool_call_id", "unknown_parameter")]
    [InlineData("""{"role": "user", "content": "x", "weight": 1}""", "messages[0].weight", "unknown_parameter")]
    [InlineData("""{"role": "assistant", "content": "x", "tool_calls": [{}]}""", "messages[0].tool_calls[0].id", "missing_required_parameter")]
    [InlineData("""{"role": "assistant", "content": "x", "tool_calls": [{"id": "c", "type": "custom", "function": {}}]}""", "messages[0].tool_calls[0].type", "unsupported_parameter")]
    [InlineData("""{"role": "assistant", "content": "x", "tool_calls": [{"id": "c", "function": {"name": "get", "arguments": "[1]"}}]}""", "messages[0].tool_calls[0].function.arguments", "invalid_value")]
    [InlineData("""{"role": "assistant", "content": "x", "tool_calls": [{"id": "c", "function": {"name": "get", "arguments": "{\"a\":"}}]}""", "messages[0].tool_calls[0].function.arguments", "invalid_value")]
    [InlineData("""{"role": "assistant", "content": "x", "function_call": {}}""", "messages[0].function_call", "unsupported_parameter")]
    public void A_wrong_message_is_refused_by_its_path(string message, string path, string code)
    {
        ApiError error = Assert.Throws<ApiException>(() => Read(message)).Error;
        Assert.Equal((400, path, code), (error.Status, error.Param, error.Code));
    }

    static string Read(string message)
    {
        using var body = JsonBody.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"model": "tiny", "messages": [{{message}}]}"""));
        var prompt = (GenerationPrompt.Chat)ParameterTable.Read(Routes.Chat, body.RootElement).Prompts[0].Prompt;
        return Assert.Single(prompt.Messages)!.ToJsonString();
    }
}
