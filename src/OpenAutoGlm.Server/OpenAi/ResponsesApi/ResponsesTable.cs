using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>Every parameter of /v1/responses.</summary>
static class ResponsesTable
{
    const string NotYet = "is not supported yet";
    const int LongestLabel = 512;

    public static BodyTable<ResponsesDraft> Create { get; } = new("/v1/responses",
    [
        new("model", Honoured, "string, required", "Id or alias of a served model.",
            (draft, value) => draft.Model = value.String()),
        new("input", Honoured, "string, or array of items; required", "What to answer: messages, calls, outputs of calls, reasoning, references to stored items.",
            (draft, value) => draft.Input = value),
        new("instructions", Honoured, "string", "What the conversation begins with; not taken over from an earlier response.",
            (draft, value) => draft.Instructions = value.String()),
        new("previous_response_id", Honoured, "string", "A stored response that this one goes on from.",
            (draft, value) => draft.PreviousId = value.String(LongestLabel)),
        new("store", Honoured, "boolean; default true", "Whether the response may be asked for again, by its id.",
            (draft, value) => draft.Store = value.Bool()),
        new("max_output_tokens", Honoured, "integer ≥ 1", "Most tokens of the answer, thinking included.",
            (draft, value) => draft.MaxTokens = (value.Path, value.Int(1))),
        new("temperature", Honoured, "number ≥ 0; default 1", "Divides the logits; 0 takes the most likely token.",
            (draft, value) => draft.Sampling = draft.Sampling with { Temperature = value.Float() }),
        new("top_p", Honoured, "number over 0, at most 1; default 1", "Keeps the fewest most likely tokens whose probabilities add up to this.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopP = value.Float() }),
        new("tools", Honoured, "array of at most 256 {\"type\": \"function\", name, description, parameters, strict}", "Functions that the model may call. Tools that would run on the server are refused by their type.",
            ResponsesDraft.ReadTools),
        new("tool_choice", Honoured, "\"none\", \"auto\", \"required\", or {\"type\": \"function\", name}", "Whether tools may or must be called.",
            ResponsesDraft.ReadToolChoice),
        new("parallel_tool_calls", Honoured, "boolean; default true", "Whether one answer may call several tools.",
            (draft, value) => draft.ParallelToolCalls = value.Bool()),
        new("text", Honoured, "{\"format\": {\"type\": \"text\" | \"json_object\" | \"json_schema\", name, schema, strict}}", "What the answer must be; verbosity is not supported yet.",
            ResponsesDraft.ReadText),
        new("reasoning", Honoured, "{effort: \"none\", \"minimal\", \"low\", \"medium\" or \"high\"; summary: \"auto\" or \"detailed\"}",
            "Whether the model thinks first, for at most 0, 256, 1024, 4096 or any number of tokens. With summary, thinking is told as its own summary.",
            ResponsesDraft.ReadReasoning),
        new("metadata", Honoured, "object of at most 16 strings", "Labels that the response repeats.",
            ResponsesDraft.ReadMetadata),
        new("stream", Honoured, "boolean; default false", "Server-sent events instead of one body.",
            (draft, value) => draft.Stream = value.Bool()),
        new("user", Honoured, "string of at most 256 characters", "Whose request it is: users get equal shares of the engine. Not logged.",
            (draft, value) => draft.Tenant = ChatDraft.ReadTenant(value)),

        new("stream_options", Accepted, "{\"include_obfuscation\": false}", "Nothing is padded.", ReadStreamOptions),
        new("safety_identifier", Accepted, "string", "The newer name of user.", (_, value) => value.String(LongestLabel)),
        new("prompt_cache_key", Accepted, "string", "A hint for routing between machines; there is one here.", (_, value) => value.String(LongestLabel)),
        new("prompt_cache_retention", Accepted, "string", "Prompts are kept as long as there is room.", (_, value) => value.String(LongestLabel)),
        new("service_tier", Accepted, "\"auto\" or \"default\"", "There is one tier.", (_, value) => Require(value.String() is "auto" or "default", value, "must be \"auto\" or \"default\": there is one tier")),
        new("truncation", Accepted, "\"disabled\"", "Conversations are never cut.", (_, value) => Require(value.String() == "disabled", value, "must be \"disabled\": conversations are never cut")),

        new("background", Refused, "false only", "Answers in the background; not supported yet.", (_, value) => Require(!value.Bool(), value, NotYet)),
        new("include", Refused, "[] only", "More output; not supported yet.", (_, value) => Require(value.Array() is [], value, NotYet)),
        new("top_logprobs", Refused, "0 only", "Log probabilities; not supported yet in this dialect.", (_, value) => Require(value.Int() == 0, value, NotYet)),
        Unsupported("conversation", "Conversations as objects"),
        Unsupported("prompt", "Templates of prompts"),
        Unsupported("max_tool_calls", "Tools that run on the server"),
        Unsupported("context_management", "Editing of the conversation"),
    ]);

    static BodyField<ResponsesDraft> Unsupported(string name, string what) =>
        new(name, Refused, "null only", $"{what}; not supported yet.", (_, value) => throw value.Unsupported(NotYet));

    static void Require(bool condition, RequestValue value, string problem)
    {
        if (!condition)
        {
            throw value.Unsupported(problem);
        }
    }

    static void ReadStreamOptions(ResponsesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        if (fields.Take("include_obfuscation") is { } padding)
        {
            Require(!padding.Bool(), padding, NotYet);
        }

        fields.End("stream_options");
    }
}
