using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Routes;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>
/// Every parameter of the text routes, in one table: honoured, accepted without effect, or refused. What is not here is
/// refused as unknown. The table in docs/server.md is this one. Ranges of sampling are checked by the engine, which
/// knows what the numbers mean; shapes, types and the wire's own limits are checked here.
/// </summary>
static class ParameterTable
{
    const string NotYet = "is not supported yet";
    const int LongestLabel = 512;

    public static ImmutableArray<Parameter> All { get; } =
    [
        new("model", Both, Honoured, "string, required", "Id or alias of a served model.",
            (draft, value) => draft.Model = value.String()),
        new("messages", Chat, Honoured, "array, required", "The conversation; see above.",
            (draft, value) => draft.Messages = ChatMessages.Read(value)),
        new("prompt", Completions, Honoured, "string, array of strings, array of ids, array of arrays of ids; required", "What to continue; several prompts give n choices each, in order.",
            (draft, value) => draft.Prompts = Prompts.Read(value)),

        new("max_tokens", Both, Honoured, "integer ≥ 1; default: chat the rest of the context, completions 16", "Most tokens of a choice. Prompt and max_tokens together must fit the context.",
            (draft, value) => draft.SetMaxTokens(value)),
        new("max_completion_tokens", Chat, Honoured, "integer ≥ 1", "The newer name of max_tokens.",
            (draft, value) => draft.SetMaxTokens(value)),
        new("n", Both, Honoured, "integer 1 … 128; default 1", "Choices for each prompt; n times prompts at most 128.",
            (draft, value) => draft.Choices = value.Int(1, GenerationRequest.MaxChoices)),
        new("stop", Both, Honoured, "string, or array of at most 16 strings of 1 … 4096 characters", "Strings that end a choice and are not part of it.",
            (draft, value) => draft.Stop = ReadStop(value)),
        new("stop_token_ids", Both, Honoured, "array of at most 256 token ids", "Tokens that end a choice, beside the model's own.",
            (draft, value) => draft.StopTokens = [.. value.Array(256).Select(id => id.Int(0))]),
        new("ignore_eos", Both, Honoured, "boolean; default false", "The model's own end-of-turn tokens do not end a choice.",
            (draft, value) => draft.IgnoreEndOfTurn = value.Bool()),
        new("skip_special_tokens", Both, Honoured, "boolean; default true", "false writes special tokens into the text by their names.",
            (draft, value) => draft.ShowSpecialTokens = !value.Bool()),

        new("temperature", Both, Honoured, "number ≥ 0; default 1", "Divides the logits; 0 takes the most likely token.",
            (draft, value) => draft.Sampling = draft.Sampling with { Temperature = value.Float() }),
        new("top_p", Both, Honoured, "number over 0, at most 1; default 1", "Keeps the fewest most likely tokens whose probabilities add up to this.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopP = value.Float() }),
        new("top_k", Both, Honoured, "integer ≥ 0, or −1; default 0", "Keeps the k most likely tokens; 0 and −1 keep all.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopK = value.Int() }),
        new("min_p", Both, Honoured, "number 0 … 1; default 0", "Keeps tokens at least this many times as likely as the most likely one.",
            (draft, value) => draft.Sampling = draft.Sampling with { MinP = value.Float() }),
        new("repetition_penalty", Both, Honoured, "number over 0; default 1", "Divides positive logits of tokens in prompt and answer, multiplies negative ones.",
            (draft, value) => draft.Sampling = draft.Sampling with { RepetitionPenalty = value.Float() }),
        new("presence_penalty", Both, Honoured, "number −2 … 2; default 0", "Subtracted from the logits of tokens in the answer. Applies at temperature 0 too.",
            (draft, value) => draft.Sampling = draft.Sampling with { PresencePenalty = value.Float() }),
        new("frequency_penalty", Both, Honoured, "number −2 … 2; default 0", "The same, once for each time. Applies at temperature 0 too.",
            (draft, value) => draft.Sampling = draft.Sampling with { FrequencyPenalty = value.Float() }),
        new("logit_bias", Both, Honoured, "object of at most 1024 token ids to −100 … 100", "Added to the logits; −100 bans a token.",
            (draft, value) => draft.Sampling = draft.Sampling with { LogitBias = ReadLogitBias(value) }),
        new("seed", Both, Honoured, "64-bit integer", "The same seed gives the same tokens, whatever else runs.",
            (draft, value) => draft.Sampling = draft.Sampling with { Seed = unchecked((ulong)value.Long()) }),

        new("logprobs", Chat, Honoured, "boolean; default false", "Log probabilities of the chosen tokens, before penalties and temperature.",
            (draft, value) => draft.Logprobs = value.Bool()),
        new("top_logprobs", Chat, Honoured, "integer 0 … 20, with logprobs: true; default 0", "And of the most likely ones.",
            (draft, value) => draft.TopLogprobs = value.Int(0, 20)),
        new("logprobs", Completions, Honoured, "integer 0 … 5", "Log probabilities of the chosen token and of so many others.",
            (draft, value) => (draft.Logprobs, draft.TopLogprobs) = (true, value.Int(0, 5))),

        new("stream", Both, Honoured, "boolean; default false", "Server-sent events instead of one body.",
            (draft, value) => draft.Stream = value.Bool()),
        new("stream_options", Both, Honoured, "object, with stream: true", "include_usage: true sends usage in a last chunk; include_obfuscation: only false.",
            ReadStreamOptions),

        new("enable_thinking", Chat, Honoured, "boolean", "Whether the model thinks first: a variable of the chat template; false keeps a model without that variable from it too. true sets thinking apart, unless return_reasoning is false.",
            (draft, value) => draft.SetThinking(value)),
        new("return_reasoning", Chat, Honoured, "boolean; default false, but true with tools, enable_thinking: true, reasoning_effort or thinking_budget", "Whether thinking comes in reasoning_content, without its tags; otherwise it is part of content, as the model wrote it.",
            (draft, value) => draft.ReturnReasoning = value.Bool()),
        new("reasoning_effort", Chat, Honoured, "\"none\", \"minimal\", \"low\", \"medium\" or \"high\"", "Tokens of thinking: 0, 256, 1024, 4096, any number. Also given to the chat template under this name.",
            ThinkingParameters.ReadEffort),
        new("thinking_budget", Chat, Honoured, "integer ≥ 0", "Most tokens of thinking; then the answer begins. 0 is enable_thinking: false. Goes before reasoning_effort.",
            (draft, value) => draft.ThinkingBudget = value.Int(0)),
        new("tools", Chat, Honoured, "array of at most 256 objects {type, function: {name, description, parameters, strict}}", "Functions that the model may call. Arguments obey their schema wherever it can be compiled; with strict, or where tool_choice asks for a call, one that cannot is refused with the place in it.",
            ToolParameters.Read),
        new("tool_choice", Chat, Honoured, "\"none\", \"auto\", \"required\" or object {type, function: {name}}; default \"auto\"", "Whether the answer is text, is a call, or may be either.",
            ToolParameters.ReadChoice),
        new("parallel_tool_calls", Chat, Honoured, "boolean, with tools; default true", "Whether one answer may have several calls; false ends it after the first.",
            (draft, value) => draft.ParallelToolCalls = value.Bool()),
        new("chat_template_kwargs", Chat, Honoured, "object of at most 64 entries", "Variables for the chat template; the template's own (messages, tools, …) cannot be set.",
            ReadTemplateVariables),
        new("add_generation_prompt", Chat, Honoured, "boolean; default true", "Whether the prompt ends where the assistant's turn begins.",
            (draft, value) => draft.AddGenerationPrompt = value.Bool()),
        new("add_special_tokens", Completions, Honoured, "boolean; default true", "Whether the tokenizer adds what the model wants around a text.",
            (draft, value) => draft.AddSpecialTokens = value.Bool()),

        new("priority", Both, Honoured, "integer; default 0", "How urgent it is: smaller numbers go first, always.",
            (draft, value) => draft.Priority = value.Int()),
        new("user", Both, Honoured, "string of at most 256 characters", "Whose request it is: users of one priority get equal shares of the engine. Not logged.",
            (draft, value) => draft.Tenant = value.String(SequenceRequest.MaxNameLength)),
        new("cache_salt", Both, Honoured, "string of at most 256 characters", "Keeps what this request computes, and what was answered, from requests with another salt, or none.",
            (draft, value) => draft.CacheSalt = value.String(SequenceRequest.MaxNameLength)),
        new("use_beam_search", Both, Honoured, "boolean; default false", "Searches for the n most likely answers; temperature must be 0, and the text comes at the end.",
            (draft, value) => draft.UseBeams = value.Bool()),
        new("length_penalty", Both, Honoured, "number −10 … 10, with use_beam_search: true; default 1", "Answers are ranked by log probability ÷ length ^ this.",
            (draft, value) => draft.LengthPenalty = value.Float()),
        new("early_stopping", Both, Honoured, "boolean, with use_beam_search: true; default false", "Ends the search as soon as enough answers are complete.",
            (draft, value) => draft.EarlyStopping = value.Bool()),
        new("best_of", Both, Honoured, "integer 1 … 128, at least n; default n", "So many answers are made and the n most likely returned; the width of a beam search. Not with stream: true, unless it is n.",
            (draft, value) => draft.BestOf = value.Int(1, GenerationRequest.MaxChoices)),
        new("response_format", Both, Honoured, "{\"type\": \"text\"}, {\"type\": \"json_object\"}, or {\"type\": \"json_schema\", \"json_schema\": {name, description, schema, strict}}", "What the answer must be. A schema that cannot be honoured exactly is refused with the place in it, whether strict or not; see docs/constraints.md.",
            ConstraintParameters.ReadResponseFormat),
        new("guided_json", Both, Honoured, "object, true, or a string of JSON", "The answer is JSON that this schema allows.",
            (draft, value) => draft.SetConstraint(value, ConstraintParameters.Schema(value))),
        new("guided_regex", Both, Honoured, "string", "The answer matches this regular expression from beginning to end.",
            (draft, value) => draft.SetConstraint(value, OutputConstraint.Regex(value.String()))),
        new("guided_choice", Both, Honoured, "array of 1 … 10000 strings", "The answer is one of these.",
            (draft, value) => draft.SetConstraint(value, ConstraintParameters.Choice(value))),
        new("guided_grammar", Both, Honoured, "string", "The answer is a text of this grammar (GBNF).",
            (draft, value) => draft.SetConstraint(value, OutputConstraint.Grammar(value.String()))),
        new("structured_outputs", Both, Honoured, "object with one of json, json_object, regex, choice, grammar", "The newer spelling of the four before.",
            ConstraintParameters.ReadStructuredOutputs),

        new("safety_identifier", Chat, Accepted, "string", "The newer name of user.", ReadLabel),
        new("prompt_cache_key", Chat, Accepted, "string", "A hint for routing between machines; there is one here.", ReadLabel),
        new("metadata", Both, Accepted, "object of at most 16 strings", "Labels stored answers; none are stored.",
            ReadMetadata),
        new("store", Both, Accepted, "false", "Answers are not stored.", (_, value) => Require(!value.Bool(), value, "must be false: answers are not stored")),
        new("service_tier", Both, Accepted, "\"auto\" or \"default\"", "There is one tier.",
            (_, value) => Require(value.String() is "auto" or "default", value, "must be \"auto\" or \"default\": there is one tier")),
        new("modalities", Chat, Accepted, "[\"text\"]", "Answers are text.",
            (_, value) => Require(value.Array() is [{ IsString: true } only] && only.String() == "text", value, "must be [\"text\"]")),

        new("functions", Chat, Refused, "[] only", "The older form of tools; send tools.", (_, value) => Require(value.Array() is [], value, "is not supported; send tools")),
        new("function_call", Chat, Refused, "\"none\" only", "The older form of tool_choice; send tool_choice.", (_, value) => Require(value.IsString && value.String() == "none", value, "is not supported; send tool_choice")),
        Unsupported("verbosity", Chat, "Length of answers"),
        Unsupported("prediction", Chat, "Predicted output"),
        Unsupported("audio", Chat, "Spoken answers"),
        Unsupported("web_search_options", Chat, "Search"),
        new("echo", Completions, Refused, "false only", "The prompt in the answer; not supported yet.", (_, value) => Require(!value.Bool(), value, NotYet)),
        new("suffix", Completions, Refused, "\"\" only", "Text after the answer; not supported yet.", (_, value) => Require(value.String().Length == 0, value, NotYet)),
    ];

    static readonly FrozenDictionary<string, Parameter> ChatParameters = Of(Chat);
    static readonly FrozenDictionary<string, Parameter> CompletionParameters = Of(Completions);

    /// <summary>Reads a whole request.</summary>
    /// <exception cref="ApiException">It cannot be honoured as it stands.</exception>
    public static OpenAiRequest Read(Routes route, JsonElement body)
    {
        RequestDraft draft = new(route);
        FrozenDictionary<string, Parameter> parameters = route == Chat ? ChatParameters : CompletionParameters;
        foreach (JsonProperty property in body.EnumerateObject())
        {
            if (!parameters.TryGetValue(property.Name, out Parameter? parameter))
            {
                throw new ApiException(Unknown(route, property.Name));
            }

            RequestValue value = new(property.Name, property.Value);
            if (!value.IsNull)
            {
                parameter.Read(draft, value);
            }
        }

        return draft.Complete();
    }

    /// <summary>The table for docs/server.md.</summary>
    public static string Markdown()
    {
        StringBuilder text = new();
        foreach (Treatment treatment in Enum.GetValues<Treatment>())
        {
            text.Append($"### {treatment}\n\n| parameter | routes | values | meaning |\n|---|---|---|---|\n");
            foreach (Parameter row in All.Where(row => row.Treatment == treatment))
            {
                string routes = row.Routes switch { Chat => "chat", Completions => "completions", _ => "both" };
                text.Append($"| `{row.Name}` | {routes} | {row.Values} | {row.Meaning} |\n");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    static FrozenDictionary<string, Parameter> Of(Routes route) =>
        All.Where(parameter => parameter.Routes.HasFlag(route)).ToFrozenDictionary(parameter => parameter.Name, StringComparer.Ordinal);

    static Parameter Unsupported(string name, Routes routes, string what) =>
        new(name, routes, Refused, "null only", $"{what}; not supported yet.", (_, value) => throw value.Unsupported(NotYet));

    static ApiError Unknown(Routes route, string name)
    {
        bool elsewhere = (route == Chat ? CompletionParameters : ChatParameters).ContainsKey(name);
        (string here, string there) = route == Chat ? ("/v1/chat/completions", "/v1/completions") : ("/v1/completions", "/v1/chat/completions");
        return ApiError.Unknown(ApiError.Clip(name), elsewhere
            ? $"'{name}' is a parameter of {there}, not of {here}."
            : $"'{ApiError.Clip(name)}' is not a parameter of {here}. Nothing is ignored here, so leave it out.");
    }

    static void Require(bool condition, RequestValue value, string problem)
    {
        if (!condition)
        {
            throw value.Unsupported(problem);
        }
    }

    static void ReadLabel(RequestDraft draft, RequestValue value) => value.String(LongestLabel);

    static void ReadMetadata(RequestDraft draft, RequestValue value)
    {
        foreach ((string _, RequestValue label) in value.Properties(16))
        {
            label.String(LongestLabel);
        }
    }

    static ImmutableArray<string> ReadStop(RequestValue value)
    {
        IReadOnlyList<RequestValue> strings = value.IsString ? [value]
            : value.IsArray ? value.Array(GenerationRequest.MaxStopStrings)
            : throw value.Mismatch("a string or an array of strings");
        return [.. strings.Select(text => text.String() is { Length: > 0 } found ? found : throw text.Invalid("must not be empty"))];
    }

    static ImmutableDictionary<int, float> ReadLogitBias(RequestValue value)
    {
        ImmutableDictionary<int, float>.Builder bias = ImmutableDictionary.CreateBuilder<int, float>();
        foreach ((string name, RequestValue entry) in value.Properties(SamplingOptions.MaxBiases))
        {
            // One spelling for one id: "01" and "+1" would make a second entry for the token of "1".
            bool isId = int.TryParse(name, NumberStyles.None, null, out int id) && (name[0] != '0' || name.Length == 1);
            bias.Add(isId ? id : throw value.Invalid($"has the key '{ApiError.Clip(name)}', which is no token id"), entry.Float());
        }

        return bias.ToImmutable();
    }

    static void ReadStreamOptions(RequestDraft draft, RequestValue value)
    {
        draft.HasStreamOptions = true;
        foreach ((string name, RequestValue option) in value.Properties())
        {
            switch (name)
            {
                case "include_usage":
                    draft.IncludeUsage = !option.IsNull && option.Bool();
                    break;
                case "include_obfuscation":
                    Require(option.IsNull || !option.Bool(), option, NotYet);
                    break;
                default:
                    throw new ApiException(ApiError.Unknown(option.Path, $"{option.Path} is not an option: include_usage, include_obfuscation."));
            }
        }
    }

    static void ReadTemplateVariables(RequestDraft draft, RequestValue value)
    {
        foreach ((string name, RequestValue variable) in value.Properties(64))
        {
            draft.SetVariable(variable, name, RequestDraft.Copy(variable.Element));
        }
    }
}
