using System.Collections.Immutable;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>Every parameter of /v1/messages and /v1/messages/count_tokens.</summary>
static class MessagesTable
{
    const string NotYet = "is not supported yet";

    static readonly ImmutableArray<string> Counted = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"];

    public static BodyTable<MessagesDraft> Messages { get; } = new("/v1/messages",
    [
        new("model", Honoured, "string, required", "Id or alias of a served model.",
            (draft, value) => draft.Model = value.String()),
        new("messages", Honoured, "array, required", "Turns of user and assistant, the last one the user's.",
            (draft, value) => MessageContent.Read(draft.Conversation, value)),
        new("max_tokens", Honoured, "integer ≥ 1, required", "Most tokens of the answer, thinking included.",
            (draft, value) => draft.MaxTokens = (value.Path, value.Int(1))),
        new("system", Honoured, "string, or array of text blocks", "What the conversation begins with.",
            (draft, value) => draft.System = MessageContent.ReadSystem(value)),
        new("stop_sequences", Honoured, "array of at most 16 strings of 1 … 4096 characters", "Texts that end the answer; stop_sequence tells which one did.",
            (draft, value) => draft.Stop = ChatDraft.ReadStop(value)),
        new("temperature", Honoured, "number ≥ 0; default 1", "Divides the logits; 0 takes the most likely token.",
            (draft, value) => draft.Sampling = draft.Sampling with { Temperature = value.Float() }),
        new("top_p", Honoured, "number over 0, at most 1; default 1", "Keeps the fewest most likely tokens whose probabilities add up to this.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopP = value.Float() }),
        new("top_k", Honoured, "integer ≥ 0; default 0", "Keeps the k most likely tokens; 0 keeps all.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopK = value.Int(0) }),
        new("stream", Honoured, "boolean; default false", "Server-sent events instead of one body.",
            (draft, value) => draft.Stream = value.Bool()),
        new("thinking", Honoured, "{\"type\": \"enabled\", \"budget_tokens\": integer ≥ 1 below max_tokens}, {\"type\": \"adaptive\"}, or {\"type\": \"disabled\"}; default disabled",
            "Whether the model thinks first (where its template knows enable_thinking), and for how many tokens at most.",
            MessagesDraft.ReadThinking),
        new("tools", Honoured, "array of at most 256 {name, description, input_schema}", "Tools that the model may call. Tools that would run on the server are refused by their type.",
            (draft, value) => ToolParameters.Read(draft, value)),
        new("tool_choice", Honoured, "{\"type\": \"auto\" | \"any\" | \"tool\" | \"none\", name, disable_parallel_tool_use}", "Whether tools may or must be called.",
            (draft, value) => ToolParameters.ReadChoice(draft, value)),
        new("output_config", Honoured, "{\"format\": {\"type\": \"json_schema\", \"schema\"}}", "What the answer must be; effort is not supported yet.",
            ReadOutputConfig),
        new("metadata", Honoured, "{\"user_id\": string of at most 256 characters}", "Whose request it is: users get equal shares of the engine. Not logged.",
            ReadMetadata),

        new("cache_control", Accepted, "{\"type\": \"ephemeral\", ttl}", "Prompts are cached anyway, here and at every block.",
            (_, value) => MessageContent.CheckCacheControl(value)),
        new("service_tier", Accepted, "\"auto\" or \"standard_only\"", "There is one tier.",
            (_, value) => Require(value.String() is "auto" or "standard_only", value, "must be \"auto\" or \"standard_only\": there is one tier")),

        new("output_format", Refused, "null only", "The older name of output_config.format.", (_, value) => throw value.Unsupported("has a newer name: output_config.format")),
        Unsupported("container", "Code that runs on the server"),
        Unsupported("context_management", "Editing of the conversation"),
        Unsupported("mcp_servers", "Tools of other servers"),
        Unsupported("inference_geo", "Choice of a place"),
        Unsupported("speed", "Choice of a speed"),
    ]);

    public static BodyTable<MessagesDraft> CountTokens { get; } =
        new("/v1/messages/count_tokens", [.. Messages.Fields.Where(field => Counted.Contains(field.Name))]);

    static BodyField<MessagesDraft> Unsupported(string name, string what) =>
        new(name, Refused, "null only", $"{what}; not supported yet.", (_, value) => throw value.Unsupported(NotYet));

    static void Require(bool condition, RequestValue value, string problem)
    {
        if (!condition)
        {
            throw value.Unsupported(problem);
        }
    }

    static void ReadMetadata(MessagesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        draft.Tenant = fields.Take("user_id") is { } user ? ChatDraft.ReadTenant(user) : null;
        fields.End("metadata");
    }

    static void ReadOutputConfig(MessagesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        fields.Refuse("effort", NotYet);
        if (fields.Take("format") is { } format)
        {
            RequestFields parts = new(format);
            RequestValue type = parts.Need("type");
            Require(type.String() == "json_schema", type, "must be \"json_schema\"");
            RequestValue schema = parts.Need("schema");
            draft.Constraint = (schema.Path, OutputConstraint.JsonSchema(schema.IsObject ? schema.Element.GetRawText() : throw schema.Mismatch("an object")));
            parts.End("a format");
        }

        fields.End("output_config");
    }
}
