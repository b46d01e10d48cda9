using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Dialects;

/// <summary>Answers for tests of dialects, and how their streams are taken apart.</summary>
static class Scripts
{
    /// <summary>Thinks, speaks and calls two tools, everything in pieces.</summary>
    public static GenerationEvent[] Everything { get; } =
    [
        new ThinkingDelta(0, "Hm"), new ThinkingDelta(0, "m."),
        new TextDelta(0, "Let me "), new TextDelta(0, ""), new TextDelta(0, "see."),
        new ToolCallDelta(0, 0, "") { Id = "call_1", Name = "weather" }, new ToolCallDelta(0, 0, "{\"city\": "), new ToolCallDelta(0, 0, "\"北京\"}"),
        new ToolCallDelta(0, 1, "{\"zone\":8}") { Id = "call_2", Name = "time" },
    ];

    public static GenerationEvent[] OnlyText { get; } = [new TextDelta(0, "Hel"), new TextDelta(0, "lo")];

    /// <summary>A value of every JSON type, for fields that want another.</summary>
    public static string[] Values { get; } = ["true", "-1", "1.5", "1e999", "\"\"", "\"x\"", "[]", "[1]", "[null]", "[[]]", "[{}]", "{}", "{\"type\":1}", "{\"type\":\"x\"}", "{\"\\ud83d\\ude00\":1}"];

    /// <summary>Names and data of a stream in which every event has both.</summary>
    public static async Task<List<(string Name, JsonNode Data)>> NamedEventsAsync(this Task<HttpResponseMessage> sending)
    {
        HttpResponseMessage response = await sending;
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        List<(string, JsonNode)> events = [];
        foreach (string[] lines in text[..^2].Split("\n\n").Select(one => one.Split('\n')))
        {
            Assert.Equal(2, lines.Length);
            Assert.StartsWith("event: ", lines[0], StringComparison.Ordinal);
            Assert.StartsWith("data: ", lines[1], StringComparison.Ordinal);
            JsonNode data = JsonNode.Parse(lines[1]["data: ".Length..])!;
            Assert.Equal(lines[0]["event: ".Length..], (string)data["type"]!);
            events.Add((lines[0]["event: ".Length..], data));
        }

        return events;
    }

    /// <summary>Status and body; the body of a stream is its text.</summary>
    public static async Task<(int Status, JsonNode Body)> AnswerAsync(this Task<HttpResponseMessage> sending)
    {
        HttpResponseMessage response = await sending;
        bool isJson = response.Content.Headers.ContentType!.MediaType == "application/json";
        return ((int)response.StatusCode, isJson ? await response.JsonAsync() : await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>As text in which one can read what was written.</summary>
    public static string Plain(this JsonNode? node) => node?.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) ?? "null";
}
