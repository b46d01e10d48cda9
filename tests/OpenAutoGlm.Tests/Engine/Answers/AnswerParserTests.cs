using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Texts of every format, cut everywhere: the parts are the same, and nothing of the text is lost.</summary>
public class AnswerParserTests
{
    static readonly IReadOnlyList<Tool> Tools = Tool.Read(JsonNode.Parse("""
        [{"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "tags": {"type": "array"}, "note": {}}}}},
         {"type": "function", "function": {"name": "get_all"}}]
        """)!.AsArray());

    public static TheoryData<string, string, string> Answers => new()
    {
        { "hermes", "Just text.\n", "text:Just text.\n" },
        { "hermes", "Let me see.\n<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"北京\"}}\n</tool_call>", "text:Let me see.|call 0 get({\"city\": \"北京\"})" },
        { "hermes", "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"a\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_all\", \"arguments\": {}}\n</tool_call>\n", "call 0 get({\"city\": \"a\"})|call 1 get_all({})" },
        { "hermes", "<tool_call>{\"arguments\": {\"note\": {\"a\": [1, {\"b\": \"}\"}]}}, \"name\": \"get\"}</tool_call>", "call 0 get({\"note\": {\"a\": [1, {\"b\": \"}\"}]}})" },
        { "hermes", "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"say </tool_call> \\\"now\\\" \\\\ \\n <tool_call>\"}}\n</tool_call> so", "call 0 get({\"city\": \"say </tool_call> \\\"now\\\" \\\\ \\n <tool_call>\"})|text:so" },
        { "hermes", "<tool_call>\n{\"name\": \"nobody\", \"arguments\": {}}\n</tool_call>", "text:<tool_call>\n{\"name\": \"nobody\", \"arguments\": {}}\n</tool_call>" },
        { "hermes", "<tool_call> oh <tool_call>{\"name\": \"get\", \"arguments\": {}}</tool_call>", "text:<tool_call> oh|call 0 get({})" },
        { "hermes", "so <tool_call>\n{\"name\": \"get\", \"arguments\": {\"ci", "text:so <tool_call>\n{\"name\": \"get\", \"arguments\": {\"ci" },
        { "hermes", "a <tool_ca b <tool", "text:a <tool_ca b <tool" },
        { "hermes", "<tool_call>{\"name\": \"get\", \"arguments\": \"{\\\"city\\\": \\\"x\\\"}\"}</tool_call>", "call 0 get({\"city\": \"x\"})" },
        { "hermes", "<tool_call>{\"name\": \"get\", \"arguments\": [1]}</tool_call>", "text:<tool_call>{\"name\": \"get\", \"arguments\": [1]}</tool_call>" },
        { "hermes", "<tool_call>{\"name\": \"get\", \"arguments\": {}} and</tool_call>", "text:<tool_call>{\"name\": \"get\", \"arguments\": {}} and</tool_call>" },
        { "hermes", "<tool_call>{\"name\": \"get\", \"arguments\": {\"x\": \"\\ud800\"}}</tool_call>", "call 0 get({\"x\": \"\\ud800\"})" },
        { "hermes", "<think>I may <tool_call>{\"name\": \"get\"}</tool_call></think>\n\nNo.", "text:<think>I may <tool_call>{\"name\": \"get\"}</tool_call></think>\n\nNo." },
        { "glm-4.5", "<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>\"北\" 京\n</tool_call> { \\</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>", "call 0 get({\"city\": \"\\\"北\\\" 京\\n</tool_call> { \\\\\", \"days\": 3})" },
        { "glm-4.5", "Yes.<tool_call>get<arg_key>city</arg_key><arg_value>7</arg_value><arg_key>tags</arg_key><arg_value>[\"a\", {\"b\": 1}]</arg_value><arg_key>note</arg_key><arg_value>free text</arg_value></tool_call>", "text:Yes.|call 0 get({\"city\": \"7\", \"tags\": [\"a\", {\"b\": 1}], \"note\": \"free text\"})" },
        { "glm-4.5", "<tool_call>get_all\n</tool_call><tool_call>get_all</tool_call>", "call 0 get_all({})|call 1 get_all({})" },
        { "glm-4.5", "<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>x", "text:<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>x" },
        { "glm-4.5", "<tool_call>go\n</tool_call>", "text:<tool_call>go\n</tool_call>" },
        { "glm-4.5", "<tool_call>get\n<arg_value>1</arg_value></tool_call>", "text:<tool_call>get\n<arg_value>1</arg_value></tool_call>" },
        { "glm-4.5", "<tool_call>get<arg_key>city</arg_key><arg_value>a</arg_value><arg_key>city</arg_key><arg_value>b</arg_value></tool_call>", "call 0 get({\"city\": \"b\"})" },
        { "llama-3", "{\"name\": \"get\", \"parameters\": {\"city\": \"x}\"}}", "call 0 get({\"city\": \"x}\"})" },
        { "llama-3", "<|python_tag|>{\"name\": \"get\", \"parameters\": {}}; {\"name\": \"get_all\", \"parameters\": {}}", "call 0 get({})|call 1 get_all({})" },
        { "llama-3", "{\"name\": \"Bob\", \"age\": 7}", "text:{\"name\": \"Bob\", \"age\": 7}" },
        { "llama-3", "It is {\"name\": \"get\", \"parameters\": {}}", "text:It is {\"name\": \"get\", \"parameters\": {}}" },
        { "glm-4", "get\n{\"city\": \"x\\n\"}", "call 0 get({\"city\": \"x\\n\"})" },
        { "glm-4", "\nget_all \n {}\n", "call 0 get_all({})" },
        { "glm-4", "I look.\nget\n{\"city\": \"x\"}\nget_all\n{}", "text:I look.|call 0 get({\"city\": \"x\"})|call 1 get_all({})" },
        { "glm-4", "get it\nget\nget_al\nget\n{\"a\": nope}\nge", "text:get it\nget\nget_al\nget\n{\"a\": nope}\nge" },
        { "mistral", "[TOOL_CALLS][{\"name\": \"get\", \"arguments\": {\"city\": \"]\"}, \"id\": \"abcdefghi\"}, {\"name\": \"get_all\", \"arguments\": {}}]", "call 0 get({\"city\": \"]\"})|call 1 get_all({})" },
        { "mistral", "Hm [TOOL_CALLS]get[CALL_ID]123456789[ARGS]{\"city\": \"x\"}[TOOL_CALLS]get_all[ARGS]{}", "text:Hm|call 0 get({\"city\": \"x\"})|call 1 get_all({})" },
        { "mistral", "[TOOL_CALLS][{\"name\": \"get\"}, {\"name\": \"nobody\"}]", "text:[TOOL_CALLS][{\"name\": \"get\"}, {\"name\": \"nobody\"}]" },
        { "think", "<think>\nHm, 3.\n</think>\n\nIt is 3.\n", "think:Hm, 3.|text:It is 3.\n" },
        { "think", " \n<think></think>x", "text:x" },
        { "think", "No <think> here</think>.", "text:No <think> here</think>." },
        { "think", "<think>Hm </thin </think", "think:Hm </thin </think" },
        { "think", "<think>Hm</think>\n<answer>\ndo(action=\"Tap\")\n</answer>", "think:Hm|text:do(action=\"Tap\")" },
        { "think", "<think>Hm</think>\n<answer>\ndo() \n", "think:Hm|text:do()" },
        { "think", "<think>Hm</think>\n<answers>", "think:Hm|text:<answers>" },
        { "open", "Hm\n</think>\n\nYes", "think:Hm|text:Yes" },
        { "open", "Hm\n ", "think:Hm" },
        { "think+hermes", "<think>Which? <tool_call></think>\n\n<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</tool_call>", "think:Which? <tool_call>|call 0 get({})" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void An_answer_has_the_same_parts_wherever_it_is_cut(string format, string text, string expected)
    {
        Assert.Equal(expected, Parts(format, [text]));
        Assert.Equal(expected, Parts(format, text.Select(character => character.ToString())));
        for (int cut = 1; cut < text.Length; cut++)
        {
            Assert.Equal(expected, Parts(format, [text[..cut], text[cut..]]));
        }
    }

    [Fact]
    public void Random_pieces_of_calls_are_never_lost_and_never_a_crash()
    {
        string[] pieces = ["<tool_call>", "</tool_call>", "{", "}", "\"", "name", "\": \"get\"", "arguments", "\": {}", "get", "\n", " ", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "[TOOL_CALLS]", "[", "]", "<think>", "</think>", "\\", "x", "好", ";", ","];
        Random random = new(5);
        for (int round = 0; round < 3000; round++)
        {
            string format = ((string[])["hermes", "glm-4.5", "llama-3", "glm-4", "mistral", "think+hermes", "open"])[random.Next(7)];
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 25)).Select(_ => pieces[random.Next(pieces.Length)]));
            string whole = Parts(format, [text]);
            int cut = random.Next(text.Length + 1);
            Assert.Equal(whole, Parts(format, [text[..cut], text[cut..]]));
            if (!whole.Contains("call ", StringComparison.Ordinal) && format is not ("open" or "think+hermes"))
            {
                Assert.Equal("text:" + text, whole.Length == 0 ? "text:" + text : whole);
            }
        }
    }

    [Fact]
    public void A_constrained_call_is_told_as_it_comes_and_may_be_cut_off()
    {
        const string call = "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"Paris}\"}}\n</tool_call>";
        List<GenerationEvent> events = Events("hermes", call.Select(character => character.ToString()), isCertain: true);
        Assert.True(events.Count > 10);
        Assert.Equal("call 0 get({\"city\": \"Paris}\"})", Join(events));
        Assert.Equal("call 0 get({\"city\": \"Par)", Join(Events("hermes", [call[..(call.IndexOf("Par", StringComparison.Ordinal) + 3)]], isCertain: true)));
        const string pairs = "<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>";
        Assert.Equal("call 0 get({\"city\": \"Paris\", \"days\": 2})", Join(Events("glm-4.5", pairs.Select(character => character.ToString()), isCertain: true)));
        Assert.Equal("call 0 get({\"city\": \"Paris\")", Join(Events("glm-4.5", [pairs[..(pairs.IndexOf("days", StringComparison.Ordinal) + 2)]], isCertain: true)));
    }

    [Fact]
    public void One_call_is_enough_where_one_is_wanted()
    {
        AnswerParser parser = new(0, new AnswerReading(Format("hermes"), Tools, IsCertain: false, IsApart: false, StartsThinking: false, IsParallel: false));
        List<GenerationEvent> events = [];
        parser.Push("<tool_call>{\"name\": \"get\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"get\", \"arguments\": {}}</tool_call>", events);
        parser.Flush(events);
        Assert.True(parser.IsDone);
        Assert.Equal(("call 0 get({})", 1), (Join(events), parser.Calls));
    }

    [Fact]
    public void A_hundred_thousand_marks_and_spaces_take_no_time()
    {
        foreach (string unit in (string[])["<tool_call>", "<tool_call>{\"", "{[", " ", "\n", "get\n", "<arg_key>", "[TOOL_CALLS]["])
        {
            foreach (string format in (string[])["hermes", "glm-4.5", "llama-3", "glm-4", "mistral", "think+hermes", "open"])
            {
                long start = TimeProvider.System.GetTimestamp();
                Parts(format, [string.Concat(Enumerable.Repeat(unit, 200_000 / unit.Length))]);
                Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(5), $"{unit} in {format}");
            }
        }
    }

    static AnswerFormat Format(string name) => name switch
    {
        "hermes" or "think+hermes" => new TaggedJsonFormat(),
        "glm-4.5" => new KeyValueFormat(),
        "llama-3" => new BareJsonFormat(),
        "glm-4" => new LineFormat(),
        _ => new ListFormat(),
    };

    static string Parts(string format, IEnumerable<string> pieces) => Join(Events(format, pieces, isCertain: false));

    static List<GenerationEvent> Events(string format, IEnumerable<string> pieces, bool isCertain)
    {
        bool thinks = format is "think" or "open" or "think+hermes";
        AnswerFormat? calls = format is "think" or "open" ? null : Format(format);
        AnswerParser parser = new(0, new AnswerReading(calls, calls is null ? [] : Tools, isCertain, thinks, format == "open"));
        List<GenerationEvent> events = [];
        foreach (string piece in pieces)
        {
            parser.Push(piece, events);
        }

        parser.Flush(events);
        Assert.Equal(events.OfType<ToolCallDelta>().Count(call => call.Name is not null), parser.Calls);
        return events;
    }

    /// <summary>The events put together: text:…|think:…|call 0 name(arguments).</summary>
    static string Join(List<GenerationEvent> events)
    {
        StringBuilder joined = new();
        string kind = "";
        foreach (GenerationEvent next in events)
        {
            string nextKind = next switch { TextDelta => "text", ThinkingDelta => "think", ToolCallDelta call => $"call {call.Call}", _ => "?" };
            if (nextKind != kind)
            {
                joined.Append(kind.StartsWith("call", StringComparison.Ordinal) ? ")" : "").Append(kind.Length > 0 ? "|" : "");
                joined.Append(next is ToolCallDelta call ? $"{nextKind} {call.Name}(" : nextKind + ":");
                kind = nextKind;
            }

            joined.Append(next switch { TextDelta text => text.Text, ThinkingDelta thinking => thinking.Text, ToolCallDelta call => call.Arguments, _ => "" });
            if (next is ToolCallDelta { Name: not null } begun)
            {
                Assert.Matches("^(call_)?[a-zA-Z0-9]{9,24}$", begun.Id);
            }
        }

        return joined.Append(kind.StartsWith("call", StringComparison.Ordinal) ? ")" : "").ToString();
    }
}
