using System.Collections.Immutable;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.OpenAi;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server;

/// <summary>Every row of the table: what it makes of right values, and how it refuses wrong ones.</summary>
public class ParameterTests
{
    const string Chat = "chat", Text = "completions";

    const string Tool = """[{"type": "function", "function": {"name": "get", "parameters": {"type": "object"}, "strict": true}}]""";

    // Route, parameter, a right value, and what the request to the engine then has.
    static readonly (string Route, string Name, string Value, Func<GenerationRequest, object?> Of, object? Expected)[] Right =
    [
        (Chat, "max_tokens", "5", request => request.MaxTokens, 5),
        (Text, "max_tokens", "1", request => request.MaxTokens, 1),
        (Chat, "max_tokens", "2147483647", request => request.MaxTokens, int.MaxValue),
        (Chat, "max_tokens", "null", request => request.MaxTokens, null),
        (Text, "max_tokens", "null", request => request.MaxTokens, 16),
        (Chat, "max_completion_tokens", "9", request => request.MaxTokens, 9),
        (Chat, "n", "128", request => request.Choices, 128),
        (Text, "n", "2", request => request.Choices, 2),
        (Chat, "stop", "\"\\n\"", request => string.Join('|', request.Stop), "\n"),
        (Chat, "stop", """["a", "b", "c", "d", "e"]""", request => string.Join('|', request.Stop), "a|b|c|d|e"),
        (Text, "stop", "[]", request => request.Stop.Length, 0),
        (Chat, "stop_token_ids", "[0, 17]", request => string.Join('|', request.StopTokens), "0|17"),
        (Chat, "ignore_eos", "true", request => request.IgnoreEndOfTurn, true),
        (Chat, "skip_special_tokens", "false", request => request.ShowSpecialTokens, true),
        (Chat, "temperature", "0", request => request.Sampling.Temperature, 0f),
        (Chat, "temperature", "1e-3", request => request.Sampling.Temperature, 0.001f),
        (Chat, "top_p", "0.85", request => request.Sampling.TopP, 0.85f),
        (Chat, "top_k", "-1", request => request.Sampling.TopK, -1),
        (Chat, "top_k", "40", request => request.Sampling.TopK, 40),
        (Chat, "min_p", "0.05", request => request.Sampling.MinP, 0.05f),
        (Chat, "repetition_penalty", "1.1", request => request.Sampling.RepetitionPenalty, 1.1f),
        (Chat, "presence_penalty", "-2", request => request.Sampling.PresencePenalty, -2f),
        (Chat, "frequency_penalty", "0.2", request => request.Sampling.FrequencyPenalty, 0.2f),
        (Chat, "logit_bias", """{"0": -100, "17": 1.5}""", request => (request.Sampling.LogitBias[0], request.Sampling.LogitBias[17]), (-100f, 1.5f)),
        (Chat, "seed", "42", request => request.Sampling.Seed, 42ul),
        (Chat, "seed", "-1", request => request.Sampling.Seed, ulong.MaxValue),
        (Chat, "logprobs", "true", request => request.Sampling.Logprobs, 0),
        (Chat, "logprobs", "false", request => request.Sampling.Logprobs, null),
        (Chat, "top_logprobs", "20, \"logprobs\": true", request => request.Sampling.Logprobs, 20),
        (Text, "logprobs", "5", request => request.Sampling.Logprobs, 5),
        (Text, "logprobs", "0", request => request.Sampling.Logprobs, 0),
        (Chat, "stream", "false", _ => null, null),
        (Chat, "stream_options", "{\"include_usage\": true, \"include_obfuscation\": false}, \"stream\": true", _ => null, null),
        (Chat, "enable_thinking", "false", request => Variables(request), """{"enable_thinking":false}"""),
        (Chat, "chat_template_kwargs", """{"enable_thinking": true, "style": {"a": [1, null]}, "x": null}""", request => Variables(request), """{"enable_thinking":true,"style":{"a":[1,null]},"x":null}"""),
        (Chat, "chat_template_kwargs", "{\"enable_thinking\": true}, \"enable_thinking\": true", request => Variables(request), """{"enable_thinking":true}"""),
        (Chat, "add_generation_prompt", "false", request => ((GenerationPrompt.Chat)request.Prompt).AddGenerationPrompt, false),
        (Text, "add_special_tokens", "false", request => ((GenerationPrompt.Text)request.Prompt).AddSpecialTokens, false),
        (Text, "prompt", "\"你好\"", request => request.Prompt, new GenerationPrompt.Text("你好")),
        (Text, "prompt", "[3, 4]", request => string.Join('|', ((GenerationPrompt.Tokens)request.Prompt).Ids), "3|4"),
        (Text, "prompt", "[[5, 6, 7]]", request => string.Join('|', ((GenerationPrompt.Tokens)request.Prompt).Ids), "5|6|7"),
        (Text, "prompt", """["one"]""", request => request.Prompt, new GenerationPrompt.Text("one")),
        (Chat, "model", "\"org/tiny\"", _ => null, null),
        (Chat, "messages", """[{"role": "user", "content": "x"}]""", request => ((GenerationPrompt.Chat)request.Prompt).Messages.ToJsonString(), """[{"role":"user","content":"x"}]"""),
        (Chat, "user", "\"u-1\"", request => request.Tenant, "u-1"),
        (Chat, "priority", "-3", request => request.Priority, -3),
        (Text, "cache_salt", "\"s\"", request => request.CacheSalt, "s"),
        (Chat, "use_beam_search", "true, \"n\": 3", request => (request.Beams!.Width, request.Beams.Results), (3, 3)),
        (Chat, "use_beam_search", "true, \"n\": 2, \"best_of\": 5", request => (request.Beams!.Width, request.Beams.Results), (5, 2)),
        (Text, "length_penalty", "0.5, \"use_beam_search\": true", request => request.Beams!.LengthPenalty, 0.5f),
        (Text, "early_stopping", "true, \"use_beam_search\": true", request => request.Beams!.EarlyStopping, true),
        (Text, "best_of", "4, \"n\": 2", request => (request.Choices, request.Sampling.Logprobs), (4, (int?)0)),
        (Chat, "safety_identifier", "\"u-1\"", _ => null, null),
        (Chat, "prompt_cache_key", "\"k\"", _ => null, null),
        (Chat, "metadata", """{"a": "b"}""", _ => null, null),
        (Chat, "store", "false", _ => null, null),
        (Chat, "service_tier", "\"auto\"", _ => null, null),
        (Chat, "modalities", """["text"]""", _ => null, null),
        (Chat, "response_format", """{"type": "text"}""", _ => null, null),
        (Chat, "tools", "[]", request => ((GenerationPrompt.Chat)request.Prompt).Tools, null),
        (Chat, "tools", Tool, request => ((GenerationPrompt.Chat)request.Prompt).Tools!.ToJsonString(), """[{"type":"function","function":{"name":"get","parameters":{"type":"object"},"strict":true}}]"""),
        (Chat, "tool_choice", "\"none\"", request => request.ToolChoice, ToolChoice.None),
        (Chat, "tool_choice", "\"auto\"", request => request.ToolChoice, ToolChoice.Auto),
        (Chat, "tool_choice", "\"required\", \"tools\": " + Tool, request => request.ToolChoice, ToolChoice.Required),
        (Chat, "tool_choice", "{\"type\": \"function\", \"function\": {\"name\": \"get\"}}, \"tools\": " + Tool, request => request.ToolChoice, ToolChoice.Named("get")),
        (Chat, "parallel_tool_calls", "null", request => request.ParallelToolCalls, true),
        (Chat, "parallel_tool_calls", "false, \"tools\": " + Tool, request => request.ParallelToolCalls, false),
        (Chat, "functions", "[]", _ => null, null),
        (Chat, "function_call", "\"none\"", _ => null, null),
        (Chat, "return_reasoning", "false", request => request.Thinking, null),
        (Chat, "return_reasoning", "true", request => request.Thinking, new ThinkingOptions { Apart = true }),
        (Chat, "return_reasoning", "false, \"tools\": " + Tool, request => request.Thinking, null),
        (Chat, "tools", Tool, request => request.Thinking, new ThinkingOptions { Apart = true }),
        (Chat, "enable_thinking", "false", request => request.Thinking, new ThinkingOptions { Budget = 0 }),
        (Chat, "enable_thinking", "true", request => request.Thinking, new ThinkingOptions { Apart = true }),
        (Chat, "reasoning_effort", "null", request => request.Thinking, null),
        (Chat, "reasoning_effort", "\"none\"", request => (Variables(request), request.Thinking), ("""{"reasoning_effort":"none","enable_thinking":false}""", new ThinkingOptions { Budget = 0 })),
        (Chat, "reasoning_effort", "\"low\"", request => (Variables(request), request.Thinking), ("""{"reasoning_effort":"low","enable_thinking":true}""", new ThinkingOptions { Apart = true, Budget = 1024 })),
        (Chat, "reasoning_effort", "\"high\"", request => request.Thinking, new ThinkingOptions { Apart = true }),
        (Chat, "thinking_budget", "17, \"reasoning_effort\": \"low\", \"return_reasoning\": false", request => request.Thinking, new ThinkingOptions { Budget = 17 }),
        (Chat, "thinking_budget", "0", request => (Variables(request), request.Thinking), ("""{"enable_thinking":false}""", new ThinkingOptions { Budget = 0 })),
        (Chat, "verbosity", "null", _ => null, null),
        (Chat, "prediction", "null", _ => null, null),
        (Chat, "audio", "null", _ => null, null),
        (Chat, "web_search_options", "null", _ => null, null),
        (Chat, "response_format", """{"type": "json_object"}""", request => request.Constraint, OutputConstraint.Json()),
        (Text, "response_format", """{"type": "json_schema", "json_schema": {"name": "n", "strict": true, "description": null, "schema": {"type": "null"}}}""", request => request.Constraint, OutputConstraint.JsonSchema("""{"type": "null"}""")),
        (Chat, "guided_json", """{"type": "null"}""", request => request.Constraint, OutputConstraint.JsonSchema("""{"type": "null"}""")),
        (Chat, "guided_json", "\"{}\"", request => request.Constraint, OutputConstraint.JsonSchema("{}")),
        (Chat, "guided_json", "null", request => request.Constraint, null),
        (Chat, "guided_regex", "\"a+\"", request => request.Constraint, OutputConstraint.Regex("a+")),
        (Text, "guided_choice", """["a", "b"]""", request => request.Constraint, OutputConstraint.Choice(["a", "b"])),
        (Text, "guided_grammar", "\"root ::= [a]\"", request => request.Constraint, OutputConstraint.Grammar("root ::= [a]")),
        (Chat, "structured_outputs", """{"regex": "a", "json": null}""", request => request.Constraint, OutputConstraint.Regex("a")),
        (Chat, "structured_outputs", """{"json_object": true}""", request => request.Constraint, OutputConstraint.Json()),
        (Text, "echo", "false", _ => null, null),
        (Text, "suffix", "\"\"", _ => null, null),
        (Text, "best_of", "2, \"n\": 2", request => request.Choices, 2),
    ];

    // Route, parameter, a wrong value, and the code of the refusal.
    static readonly (string Route, string Name, string Value, string Code)[] Wrong =
    [
        (Chat, "priority", "\"high\"", "invalid_type"),
        (Chat, "priority", "1.5", "invalid_value"),
        (Chat, "cache_salt", "5", "invalid_type"),
        (Chat, "use_beam_search", "1", "invalid_type"),
        (Chat, "length_penalty", "1", "invalid_value"),
        (Chat, "length_penalty", "\"long\", \"use_beam_search\": true", "invalid_type"),
        (Chat, "early_stopping", "true", "invalid_value"),
        (Chat, "early_stopping", "\"never\", \"use_beam_search\": true", "invalid_type"),
        (Chat, "best_of", "0", "invalid_value"),
        (Chat, "best_of", "1, \"n\": 2", "invalid_value"),
        (Text, "best_of", "2, \"stream\": true", "invalid_value"),
        (Chat, "model", "null", "missing_required_parameter"),
        (Chat, "model", "1", "invalid_type"),
        (Chat, "messages", "null", "missing_required_parameter"),
        (Chat, "messages", "[]", "invalid_value"),
        (Chat, "messages", "\"Hi\"", "invalid_type"),
        (Text, "prompt", "null", "missing_required_parameter"),
        (Text, "prompt", "[]", "invalid_value"),
        (Text, "prompt", "{}", "invalid_type"),
        (Text, "prompt", "5", "invalid_type"),
        (Chat, "max_tokens", "0", "invalid_value"),
        (Chat, "max_tokens", "-1", "invalid_value"),
        (Chat, "max_tokens", "2147483648", "invalid_value"),
        (Chat, "max_tokens", "1e400", "invalid_value"),
        (Chat, "max_tokens", "1.5", "invalid_value"),
        (Chat, "max_tokens", "5.0", "invalid_value"),
        (Chat, "max_tokens", "\"5\"", "invalid_type"),
        (Chat, "max_tokens", "true", "invalid_type"),
        (Chat, "max_completion_tokens", "0", "invalid_value"),
        (Chat, "n", "0", "invalid_value"),
        (Chat, "n", "-1", "invalid_value"),
        (Chat, "n", "129", "invalid_value"),
        (Chat, "n", "16384", "invalid_value"),
        (Chat, "n", "[1]", "invalid_type"),
        (Chat, "stop", "5", "invalid_type"),
        (Chat, "stop", "\"\"", "invalid_value"),
        (Chat, "stop", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]", "invalid_value"),
        (Chat, "stop_token_ids", "3", "invalid_type"),
        (Chat, "ignore_eos", "0", "invalid_type"),
        (Chat, "skip_special_tokens", "\"true\"", "invalid_type"),
        (Chat, "temperature", "\"hot\"", "invalid_type"),
        (Chat, "temperature", "1e400", "invalid_value"),
        (Chat, "temperature", "-1e400", "invalid_value"),
        (Chat, "temperature", "1e39", "invalid_value"),
        (Chat, "top_p", "[]", "invalid_type"),
        (Chat, "top_k", "0.5", "invalid_value"),
        (Chat, "top_k", "4294967296", "invalid_value"),
        (Chat, "min_p", "{}", "invalid_type"),
        (Chat, "repetition_penalty", "false", "invalid_type"),
        (Chat, "presence_penalty", "\"1\"", "invalid_type"),
        (Chat, "frequency_penalty", "1e300", "invalid_value"),
        (Chat, "logit_bias", "[]", "invalid_type"),
        (Chat, "logit_bias", """{"a": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{"": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{"-1": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{"+1": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{"01": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{"1.5": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{" 1": 1}""", "invalid_value"),
        (Chat, "logit_bias", """{"99999999999": 1}""", "invalid_value"),
        (Chat, "seed", "1.5", "invalid_value"),
        (Chat, "seed", "9223372036854775808", "invalid_value"),
        (Chat, "seed", "\"1\"", "invalid_type"),
        (Chat, "logprobs", "1", "invalid_type"),
        (Text, "logprobs", "true", "invalid_type"),
        (Text, "logprobs", "6", "invalid_value"),
        (Text, "logprobs", "-1", "invalid_value"),
        (Chat, "top_logprobs", "21", "invalid_value"),
        (Chat, "top_logprobs", "-1", "invalid_value"),
        (Chat, "top_logprobs", "3", "invalid_value"),
        (Chat, "stream", "\"yes\"", "invalid_type"),
        (Chat, "stream_options", "{}", "invalid_value"),
        (Chat, "stream_options", "true", "invalid_type"),
        (Chat, "enable_thinking", "\"no\"", "invalid_type"),
        (Chat, "chat_template_kwargs", "[]", "invalid_type"),
        (Chat, "add_generation_prompt", "1", "invalid_type"),
        (Text, "add_special_tokens", "1", "invalid_type"),
        (Chat, "user", "1", "invalid_type"),
        (Chat, "safety_identifier", "[]", "invalid_type"),
        (Chat, "prompt_cache_key", "{}", "invalid_type"),
        (Chat, "metadata", "\"a\"", "invalid_type"),
        (Chat, "store", "true", "unsupported_parameter"),
        (Chat, "service_tier", "\"priority\"", "unsupported_parameter"),
        (Chat, "modalities", """["text", "audio"]""", "unsupported_parameter"),
        (Chat, "response_format", """{"type": "text", "json_schema": {}}""", "unsupported_parameter"),
        (Chat, "response_format", """{"type": "json_schema"}""", "invalid_value"),
        (Chat, "response_format", "{}", "invalid_value"),
        (Chat, "response_format", "\"text\"", "invalid_type"),
        (Chat, "tools", "{}", "invalid_type"),
        (Chat, "tool_choice", "\"any\"", "invalid_value"),
        (Chat, "tool_choice", "\"required\"", "invalid_value"),
        (Chat, "tool_choice", "5", "invalid_type"),
        (Chat, "tool_choice", "{\"type\": \"function\", \"function\": {\"name\": \"nobody\"}}, \"tools\": " + Tool, "invalid_value"),
        (Chat, "parallel_tool_calls", "true", "invalid_value"),
        (Chat, "parallel_tool_calls", "1", "invalid_type"),
        (Chat, "reasoning_effort", "\"some\"", "invalid_value"),
        (Chat, "reasoning_effort", "3", "invalid_type"),
        (Chat, "thinking_budget", "-1", "invalid_value"),
        (Chat, "enable_thinking", "true, \"thinking_budget\": 0", "invalid_value"),
        (Chat, "enable_thinking", "true, \"reasoning_effort\": \"none\"", "invalid_value"),
        (Chat, "return_reasoning", "1", "invalid_type"),
        (Chat, "functions", "[{}]", "unsupported_parameter"),
        (Chat, "function_call", "\"auto\"", "unsupported_parameter"),
        (Chat, "verbosity", "\"low\"", "unsupported_parameter"),
        (Chat, "prediction", "{}", "unsupported_parameter"),
        (Chat, "audio", "{}", "unsupported_parameter"),
        (Chat, "web_search_options", "{}", "unsupported_parameter"),
        (Chat, "guided_json", "5", "invalid_type"),
        (Chat, "guided_json", "false", "invalid_value"),
        (Chat, "guided_regex", "[]", "invalid_type"),
        (Text, "guided_choice", "[]", "invalid_value"),
        (Text, "guided_choice", "[\"\"]", "invalid_value"),
        (Text, "guided_grammar", "{}", "invalid_type"),
        (Text, "structured_outputs", "{}", "invalid_value"),
        (Text, "structured_outputs", """{"regex": "a", "choice": ["b"]}""", "invalid_value"),
        (Text, "echo", "true", "unsupported_parameter"),
        (Text, "suffix", "\"end\"", "unsupported_parameter"),
        (Text, "best_of", "0", "invalid_value"),
        (Chat, "prompt", "\"Hi\"", "unknown_parameter"),
        (Text, "messages", "[]", "unknown_parameter"),
        (Chat, "Temperature", "1", "unknown_parameter"),
        (Chat, "beam_width", "4", "unknown_parameter"),
        (Chat, "", "4", "unknown_parameter"),
    ];

    public static TheoryData<int> RightCases => [.. Enumerable.Range(0, Right.Length)];

    public static TheoryData<int> WrongCases => [.. Enumerable.Range(0, Wrong.Length)];

    [Theory]
    [MemberData(nameof(RightCases))]
    public void A_right_value_reaches_the_engine(int index)
    {
        var (route, name, value, of, expected) = Right[index];
        Assert.Equal(expected, of(Read(route, name, value).Prompts[0]));
    }

    [Theory]
    [MemberData(nameof(WrongCases))]
    public void A_wrong_value_is_refused_by_the_name_of_its_parameter(int index)
    {
        var (route, name, value, code) = Wrong[index];
        ApiError error = Assert.Throws<ApiException>(() => Read(route, name, value)).Error;
        Assert.Equal((400, "invalid_request_error", code, name), (error.Status, error.Type, error.Code, error.Param));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Chat, "stop", """["a", ""]""", "stop[1]")]
    [InlineData(Chat, "stop", """["a", 5]""", "stop[1]")]
    [InlineData(Chat, "stop_token_ids", "[1, -1]", "stop_token_ids[1]")]
    [InlineData(Chat, "logit_bias", """{"5": "much"}""", "logit_bias.5")]
    [InlineData(Chat, "stream_options", "{\"include_usage\": 1}, \"stream\": true", "stream_options.include_usage")]
    [InlineData(Chat, "stream_options", "{\"include_obfuscation\": true}, \"stream\": true", "stream_options.include_obfuscation")]
    [InlineData(Chat, "stream_options", "{\"more\": 1}, \"stream\": true", "stream_options.more")]
    [InlineData(Chat, "chat_template_kwargs", """{"messages": []}""", "chat_template_kwargs.messages")]
    [InlineData(Chat, "chat_template_kwargs", """{"a b": 1}""", "chat_template_kwargs.a b")]
    [InlineData(Chat, "chat_template_kwargs", "{\"enable_thinking\": true}, \"enable_thinking\": false", "enable_thinking")]
    [InlineData(Chat, "metadata", """{"a": 1}""", "metadata.a")]
    [InlineData(Chat, "max_tokens", "3, \"max_completion_tokens\": 4", "max_completion_tokens")]
    [InlineData(Chat, "response_format", """{"type": "xml"}""", "response_format.type")]
    [InlineData(Chat, "response_format", """{"type": "json_schema", "json_schema": {"name": "n"}}""", "response_format.json_schema")]
    [InlineData(Chat, "response_format", """{"type": "json_schema", "json_schema": {"schema": {}, "shema": {}}}""", "response_format.json_schema.shema")]
    [InlineData(Chat, "response_format", """{"type": "json_schema", "json_schema": {"schema": 5}}""", "response_format.json_schema.schema")]
    [InlineData(Chat, "guided_json", "{}, \"guided_regex\": \"a\"", "guided_regex")]
    [InlineData(Text, "structured_outputs", """{"whitespace_pattern": " "}""", "structured_outputs.whitespace_pattern")]
    [InlineData(Text, "structured_outputs", """{"regex": 5}""", "structured_outputs.regex")]
    [InlineData(Text, "prompt", """["a", 5]""", "prompt[1]")]
    [InlineData(Text, "prompt", """[5, "a"]""", "prompt[1]")]
    [InlineData(Text, "prompt", """[5, 6.5]""", "prompt[1]")]
    [InlineData(Text, "prompt", """[[5], 6]""", "prompt[1]")]
    [InlineData(Text, "prompt", """[[5], [4294967296]]""", "prompt[1][0]")]
    [InlineData(Text, "prompt", """[null]""", "prompt[0]")]
    [InlineData(Text, "prompt", "[\"a\", \"b\"], \"n\": 65", "n")]
    public void A_wrong_part_is_refused_by_its_path(string route, string name, string value, string path) =>
        Assert.Equal(path, Assert.Throws<ApiException>(() => Read(route, name, value)).Error.Param);

    [Fact]
    public void Every_parameter_of_the_table_is_tested_with_right_and_wrong_values()
    {
        string[] names = [.. ParameterTable.All.Select(parameter => parameter.Name).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(names, Right.Select(row => row.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Empty(names.Except(Wrong.Select(row => row.Name)));
    }

    [Fact]
    public void Several_prompts_make_several_requests_alike_in_all_else()
    {
        OpenAiRequest request = Read(Text, "prompt", "[\"a\", \"b\"], \"n\": 3, \"max_tokens\": 4");
        Assert.Equal([new GenerationPrompt.Text("a"), new GenerationPrompt.Text("b")], request.Prompts.Select(prompt => prompt.Prompt));
        Assert.All(request.Prompts, prompt => Assert.Equal((3, 4), (prompt.Choices, prompt.MaxTokens)));
    }

    [Theory]
    [InlineData(RefusalReason.InvalidParameter, "top_p", 400, "invalid_value", "top_p")]
    [InlineData(RefusalReason.PromptEmpty, "prompt", 400, "invalid_value", "messages")]
    [InlineData(RefusalReason.PromptTooLong, "prompt", 400, "context_length_exceeded", "messages")]
    [InlineData(RefusalReason.ContextExceeded, "max_tokens", 400, "context_length_exceeded", "max_completion_tokens")]
    [InlineData(RefusalReason.KvMemoryExceeded, null, 400, "context_length_exceeded", "messages")]
    [InlineData(RefusalReason.TokenOutOfVocabulary, "logit_bias", 400, "invalid_value", "logit_bias")]
    [InlineData(RefusalReason.TemplateRefused, "messages", 400, "invalid_value", "messages")]
    [InlineData(RefusalReason.QueueFull, null, 429, "queue_full", null)]
    [InlineData(RefusalReason.ShuttingDown, null, 503, "shutting_down", null)]
    public void A_refusal_of_the_engine_keeps_its_reason(RefusalReason reason, string? parameter, int status, string code, string? param)
    {
        ApiError error = ApiError.From(new RequestRefusedException(reason, parameter, "because"), "messages", "max_completion_tokens");
        Assert.Equal((status, code, param), (error.Status, error.Code, error.Param));
    }

    static OpenAiRequest Read(string route, string name, string value)
    {
        ImmutableDictionary<string, string> needed = ImmutableDictionary<string, string>.Empty.Add("model", "\"tiny\"");
        needed = route == Chat ? needed.Add("messages", """[{"role": "user", "content": "Hi"}]""") : needed.Add("prompt", "\"Hi\"");
        string body = $"{{{string.Join(", ", needed.Remove(name).Select(pair => $"\"{pair.Key}\": {pair.Value}").Append($"\"{name}\": {value}"))}}}";
        using var document = JsonBody.Parse(System.Text.Encoding.UTF8.GetBytes(body));
        return ParameterTable.Read(route == Chat ? Routes.Chat : Routes.Completions, document.RootElement);
    }

    static string? Variables(GenerationRequest request) => ((GenerationPrompt.Chat)request.Prompt).Variables?.ToJsonString();
}
