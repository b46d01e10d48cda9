using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Constrained calls: whatever is drawn is a call of a tool that is there, and the parser reads it.</summary>
public class CallLanguageTests
{
    const string Weather = """
        {"type": "object", "properties": {"city": {"type": "string", "maxLength": 4}, "days": {"type": "integer", "minimum": 0, "maximum": 3}, "unit": {"enum": ["c", "f"]}, "wet": {"type": "boolean"}}, "required": ["city"], "additionalProperties": false}
        """;

    static readonly IReadOnlyList<Tool> Tools = Tool.Read(JsonNode.Parse("""
        [{"type": "function", "function": {"name": "get", "parameters": WEATHER}},
         {"type": "function", "function": {"name": "get_all", "parameters": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": false}}}]
        """.Replace("WEATHER", Weather, StringComparison.Ordinal))!.AsArray());

    public static TheoryData<string, bool> Formats => new()
    {
        { "hermes", false }, { "llama-3", false }, { "glm-4", false }, { "glm-4.5", false }, { "glm-4.5", true }, { "mistral", false }, { "mistral", true },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void Whatever_is_drawn_is_a_call_of_a_tool_with_its_arguments(string format, bool isTight)
    {
        CompiledConstraint calls = TestVocabulary.Compile(OutputConstraint.Calls(Description(format, isTight, Tools)));
        Random random = new(11);
        int complete = 0;
        for (int round = 0; round < 60; round++)
        {
            if (TestVocabulary.Walk(calls, random) is { } text)
            {
                complete++;
                Check(format, text);
            }
        }

        Assert.True(complete > 20, $"{complete} of 60");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_mask_allows_what_may_come_and_nothing_else(string format, bool isTight)
    {
        CompiledConstraint calls = TestVocabulary.Compile(OutputConstraint.Calls(Description(format, isTight, Tools)));
        Random random = new(7);
        TestVocabulary.Walk(calls, random, (mask, allowed) =>
        {
            for (int token = 0; token < allowed.Size; token++)
            {
                ReadOnlySpan<byte> bytes = calls.Vocabulary.Bytes(token);
                bool expected = token == TestVocabulary.End ? mask.IsComplete : bytes.Length > 0 && calls.Advance(mask.Place, bytes) is not null;
                Assert.True(expected == allowed.Contains(token), $"token {token} at {format}");
            }
        });
    }

    [Theory]
    [InlineData("hermes", "\n<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"Rom\"}}\n</tool_call>")]
    [InlineData("hermes", "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"Rom\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_all\", \"arguments\": {\"a\": true}}\n</tool_call>")]
    [InlineData("llama-3", "{\"name\": \"get_all\", \"parameters\": {\"a\": false}}")]
    [InlineData("glm-4", "get\n{\"city\": \"x\", \"days\": 2}")]
    [InlineData("glm-4.5", "<tool_call>get\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n<arg_key>city</arg_key>\n<arg_value><</a</arg_value>\n</tool_call>")]
    [InlineData("glm-4.5", "<tool_call>get\n<arg_key>unit</arg_key>\n<arg_value>f</arg_value>\n<arg_key>city</arg_key>\n<arg_value>北京市</arg_value>\n</tool_call>\n<tool_call>get_all\n<arg_key>a</arg_key>\n<arg_value>true</arg_value>\n</tool_call>")]
    [InlineData("mistral", "[TOOL_CALLS][{\"name\": \"get\", \"arguments\": {\"city\": \"x\"}}, {\"name\": \"get_all\", \"arguments\": {\"a\": true}}]")]
    public void What_templates_write_satisfies_it(string format, string text)
    {
        Assert.True(TestVocabulary.Compile(OutputConstraint.Calls(Description(format, false, Tools))).Accepts(text));
        Check(format, text);
    }

    [Theory]
    [InlineData("glm-4.5", "<tool_call>get\n</tool_call>")]
    [InlineData("glm-4.5", "<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>12345</arg_value>\n</tool_call>")]
    [InlineData("glm-4.5", "<tool_call>get\n<arg_key>unit</arg_key>\n<arg_value>k</arg_value>\n<arg_key>city</arg_key>\n<arg_value>x</arg_value>\n</tool_call>")]
    [InlineData("glm-4.5", "<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>x</arg_value>\n<arg_key>city</arg_key>\n<arg_value>x</arg_value>\n</tool_call>")]
    [InlineData("glm-4.5", "<tool_call>get\n<arg_key>days</arg_key>\n<arg_value>4</arg_value>\n<arg_key>city</arg_key>\n<arg_value>x</arg_value>\n</tool_call>")]
    [InlineData("hermes", "<tool_call>\n{\"name\": \"gone\", \"arguments\": {}}\n</tool_call>")]
    [InlineData("hermes", "<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</tool_call>")]
    [InlineData("glm-4", "get\n{\"city\": 7}")]
    public void What_breaks_a_schema_does_not(string format, string text) =>
        Assert.False(TestVocabulary.Compile(OutputConstraint.Calls(Description(format, false, Tools))).Accepts(text));

    [Fact]
    public void A_tool_without_a_schema_takes_anything()
    {
        IReadOnlyList<Tool> any = Tool.Read(JsonNode.Parse("""[{"type": "function", "function": {"name": "get"}}]""")!.AsArray());
        Assert.True(TestVocabulary.Compile(OutputConstraint.Calls(Description("glm-4.5", true, any))).Accepts("<tool_call>get<arg_key>x</arg_key><arg_value>a < b</arg_value><arg_key>y</arg_key><arg_value></arg_value></tool_call>"));
        Assert.True(TestVocabulary.Compile(OutputConstraint.Calls(Description("hermes", false, any))).Accepts("<tool_call>\n{\"name\": \"get\", \"arguments\": {\"x\": [1]}}\n</tool_call>"));
    }

    [Theory]
    [InlineData("hermes", """{"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}}}""", "/0/properties/a/uniqueItems")]
    [InlineData("hermes", """{"type": "array"}""", "/0/type")]
    [InlineData("glm-4.5", """{"type": "object", "anyOf": [{"required": ["a"]}]}""", "/0/anyOf")]
    [InlineData("glm-4.5", """{"type": "object", "required": ["a"]}""", "/0/required")]
    [InlineData("glm-4.5", """{"type": "object", "properties": {"a": {"type": "string", "pattern": "^a+$", "maxLength": 3}}}""", "/0/properties/a")]
    [InlineData("glm-4.5", """{"type": "object", "properties": {"a<": {"type": "string"}}}""", "/0/properties/a<")]
    public void What_cannot_be_kept_is_refused_with_its_place(string format, string schema, string pointer)
    {
        IReadOnlyList<Tool> tools = Tool.Read([new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = "get", ["parameters"] = JsonNode.Parse(schema) } }]);
        Assert.Equal(pointer, Assert.Throws<ConstraintException>(() => TestVocabulary.Compile(OutputConstraint.Calls(Description(format, false, tools)))).Pointer);
    }

    [Fact]
    public void A_free_answer_is_held_from_where_a_call_begins_to_its_end()
    {
        CompiledConstraint call = TestVocabulary.Compile(OutputConstraint.Calls(Description("hermes", false, Tools, isAfter: true)));
        CallMask mask = new([new CallTrigger(Encoding.UTF8.GetBytes("<tool_call>"), false, call)], startsThinking: false);
        Write("Hm <tool_call");
        Assert.Equal(TestVocabulary.Instance.Size, Allowed());
        Write(">");
        Assert.True(Allows('\n') && Allowed() < 5);
        Write("\n{\"name\": \"get");
        Assert.True(Allows('"') && Allows('_') && !Allows('x'));
        ITokenMask fork = mask.Fork()!;
        Write("_all\", \"arguments\": {\"a\": true}}\n</tool_call>");
        Assert.Equal(TestVocabulary.Instance.Size, Allowed());
        float[] forked = new float[TestVocabulary.Instance.Size];
        fork.Apply(forked);
        Assert.Equal((0, float.NegativeInfinity), (forked['_'], forked['x']));
        Write(" so <tool_call>\n");
        Assert.Equal('{', Enumerable.Range(0, 256).Single(value => Allows(value)));

        void Write(string text)
        {
            foreach (byte value in Encoding.UTF8.GetBytes(text))
            {
                mask.Accept(value);
            }
        }

        bool Allows(int token)
        {
            float[] logits = new float[TestVocabulary.Instance.Size];
            mask.Apply(logits);
            return logits[token] == 0;
        }

        int Allowed()
        {
            float[] logits = new float[TestVocabulary.Instance.Size];
            mask.Apply(logits);
            return logits.Count(logit => logit == 0);
        }
    }

    [Fact]
    public void What_is_thought_is_free()
    {
        CompiledConstraint call = TestVocabulary.Compile(OutputConstraint.Calls(Description("hermes", false, Tools, isAfter: true)));
        foreach (bool startsThinking in (bool[])[true, false])
        {
            CallMask mask = new([new CallTrigger(Encoding.UTF8.GetBytes("<tool_call>"), false, call)], startsThinking);
            foreach (byte value in Encoding.UTF8.GetBytes((startsThinking ? "" : "\n<think>") + "Hm <tool_call>\n"))
            {
                mask.Accept(value);
            }

            Assert.Null(mask.Forced);
            float[] logits = new float[TestVocabulary.Instance.Size];
            mask.Apply(logits);
            Assert.All(logits, logit => Assert.Equal(0, logit));
            foreach (byte value in "</think>\n<tool_call>"u8)
            {
                mask.Accept(value);
            }

            mask.Apply(logits);
            Assert.Equal((0, float.NegativeInfinity), (logits['\n'], logits['x']));
        }
    }

    static void Check(string format, string text)
    {
        AnswerFormat form = format switch { "hermes" => new TaggedJsonFormat(), "llama-3" => new BareJsonFormat(), "glm-4" => new LineFormat(), "glm-4.5" => new KeyValueFormat(), _ => new ListFormat() };
        foreach (bool isCertain in (bool[])[true, false])
        {
            AnswerParser parser = new(0, new AnswerReading(form, Tools, isCertain, IsApart: false, StartsThinking: false));
            List<GenerationEvent> events = [];
            parser.Push(text, events);
            parser.Flush(events);
            Assert.All(events, next => Assert.IsType<ToolCallDelta>(next));
            Assert.True(parser.Calls > 0, text);
            foreach (IGrouping<int, ToolCallDelta> call in events.Cast<ToolCallDelta>().GroupBy(next => next.Call))
            {
                JsonObject arguments = JsonNode.Parse(string.Concat(call.Select(next => next.Arguments)))!.AsObject();
                string name = call.First().Name!;
                Assert.True(name == "get" ? arguments["city"]!.GetValue<string>().EnumerateRunes().Count() <= 4 : arguments["a"]!.GetValueKind() is JsonValueKind.True or JsonValueKind.False, text);
                Assert.All(arguments.Where(argument => argument.Key == "days"), days => Assert.InRange((double)days.Value!, 0, 3));
            }
        }
    }

    static string Description(string format, bool isTight, IReadOnlyList<Tool> tools, bool isAfter = false) => new JsonObject
    {
        ["format"] = format,
        ["tight"] = isTight,
        ["after"] = isAfter,
        ["parallel"] = true,
        ["tools"] = new JsonArray([.. tools.Select(tool => new JsonObject { ["name"] = tool.Name, ["parameters"] = tool.Parameters?.DeepClone() })]),
    }.ToJsonString();
}
