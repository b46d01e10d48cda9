using System.Collections.Immutable;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>Every parameter of /api/chat and /api/generate, and their options.</summary>
static class OllamaTables
{
    const string NotYet = "is not supported yet";

    public static BodyTable<OllamaDraft> Options { get; } = new("options",
    [
        new("num_predict", Honoured, "integer ≥ 1, or −1 or −2; default −1", "Most tokens of the answer; −1 and −2 for the rest of the context.",
            ReadNumPredict),
        new("num_ctx", Honoured, "integer ≥ 1", "The context that is wanted. The server's own is as large, or the request is refused.",
            (draft, value) => draft.ContextLength = value.Int(1)),
        new("temperature", Honoured, "number ≥ 0; default 0.8", "Divides the logits; 0 takes the most likely token.",
            (draft, value) => draft.Sampling = draft.Sampling with { Temperature = value.Float() }),
        new("top_p", Honoured, "number over 0, at most 1; default 0.9", "Keeps the fewest most likely tokens whose probabilities add up to this.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopP = value.Float() }),
        new("top_k", Honoured, "integer ≥ 0; default 40", "Keeps the k most likely tokens; 0 keeps all.",
            (draft, value) => draft.Sampling = draft.Sampling with { TopK = value.Int() }),
        new("min_p", Honoured, "number 0 … 1; default 0", "Keeps tokens at least this many times as likely as the most likely one.",
            (draft, value) => draft.Sampling = draft.Sampling with { MinP = value.Float() }),
        new("seed", Honoured, "64-bit integer", "The same seed gives the same tokens, whatever else runs.",
            (draft, value) => draft.Sampling = draft.Sampling with { Seed = unchecked((ulong)value.Long()) }),
        new("stop", Honoured, "string, or array of at most 16 strings of 1 … 4096 characters", "Texts that end the answer and are not part of it.",
            (draft, value) => draft.Stop = ChatDraft.ReadStop(value)),
        new("repeat_penalty", Honoured, "number over 0; default 1", "Divides positive logits of tokens in prompt and answer, multiplies negative ones.",
            (draft, value) => draft.Sampling = draft.Sampling with { RepetitionPenalty = value.Float() }),
        new("repeat_last_n", Honoured, "−1 or 0; another number without repeat_penalty only", "−1: repeat_penalty counts the whole context; 0: it counts nothing.",
            (draft, value) => draft.RepeatLast = value.Int(-1)),
        new("presence_penalty", Honoured, "number −2 … 2; default 0", "Subtracted from the logits of tokens in the answer.",
            (draft, value) => draft.Sampling = draft.Sampling with { PresencePenalty = value.Float() }),
        new("frequency_penalty", Honoured, "number −2 … 2; default 0", "The same, once for each time.",
            (draft, value) => draft.Sampling = draft.Sampling with { FrequencyPenalty = value.Float() }),

        .. Machine("num_batch", "num_gpu", "main_gpu", "num_thread"),
        .. Switches("numa", "low_vram", "use_mmap", "use_mlock"),

        Neutral("mirostat", "0 only", "Another way to choose tokens", 0),
        Neutral("tfs_z", "1 only", "Another way to choose tokens", 1),
        Neutral("typical_p", "1 only", "Another way to choose tokens", 1),
        new("mirostat_tau", Accepted, "number", "Belongs to mirostat, which must be 0.", (_, value) => value.Float()),
        new("mirostat_eta", Accepted, "number", "Belongs to mirostat, which must be 0.", (_, value) => value.Float()),
        new("penalize_newline", Refused, "true only", "Line breaks are tokens like others.", (_, value) => Require(value.Bool(), () => value.Unsupported("must be true"))),
        new("num_keep", Refused, "null only", "Contexts are never shifted, so there is nothing to keep.", (_, value) => throw value.Unsupported("has no meaning: contexts are never shifted")),
    ]);

    static readonly ImmutableArray<BodyField<OllamaDraft>> Common =
    [
        new("model", Honoured, "string, required", "Id or alias of a served model, with or without :latest.",
            (draft, value) => draft.Model = value.String()),
        new("stream", Honoured, "boolean; default true", "One line of JSON for each piece instead of one body.",
            (draft, value) => draft.Stream = value.Bool()),
        new("format", Honoured, "\"json\", or a JSON schema", "What the answer must be.",
            OllamaDraft.ReadFormat),
        new("think", Honoured, "boolean; default: the model's own", "Whether the model thinks first (where its template knows enable_thinking). Thinking comes apart from the answer.",
            OllamaDraft.ReadThink),
        new("options", Honoured, "object; see below", "How tokens are chosen.",
            (draft, value) => Options.Read(draft, value)),

        new("keep_alive", Accepted, "number, or string", "How long models stay loaded is the server's business.",
            (_, value) => Require(value.IsString || value.IsNumber, () => value.Mismatch("a number of seconds or a duration"))),

        new("logprobs", Refused, "false only", "Log probabilities; not supported yet in this dialect.", RefuseTrue),
        new("top_logprobs", Refused, "0 only", "Log probabilities; not supported yet in this dialect.", (_, value) => Require(value.Int() == 0, () => value.Unsupported(NotYet))),
        new("truncate", Refused, "false only", "Prompts are never cut.", RefuseTrue),
        new("shift", Refused, "false only", "Contexts are never shifted.", RefuseTrue),
    ];

    public static BodyTable<OllamaDraft> Chat { get; } = new("/api/chat",
    [
        .. Common,
        new("messages", Honoured, "array, required", "The conversation: role, content, thinking, tool_calls, tool_name.",
            (draft, value) => OllamaMessages.Read(draft.Conversation, value)),
        new("tools", Honoured, "array of at most 256 {\"type\": \"function\", \"function\": {name, description, parameters}}", "Tools that the model may call.",
            OllamaDraft.ReadTools),
    ]);

    public static BodyTable<OllamaDraft> Generate { get; } = new("/api/generate",
    [
        .. Common,
        new("prompt", Honoured, "string, required", "What to answer, or with raw: true to continue.",
            (draft, value) => draft.Prompt = value.String()),
        new("system", Honoured, "string", "What the conversation begins with; not with raw: true.",
            (draft, value) => draft.System = value.String()),
        new("raw", Honoured, "boolean; default false", "The prompt is continued as it stands, without the model's template.",
            (draft, value) => draft.Raw = value.Bool()),
        new("images", Refused, "[] only", "Images; not supported yet.", OllamaMessages.RefuseImages),
        new("suffix", Refused, "\"\" only", "Text after the answer; not supported yet.", RefuseText),
        new("template", Refused, "\"\" only", "The template is the model's own.", RefuseText),
        new("context", Refused, "[] only", "Send the conversation to /api/chat instead.", (_, value) => Require(value.Array() is [], () => value.Unsupported("is not supported; send the conversation to /api/chat"))),
    ]);

    static IEnumerable<BodyField<OllamaDraft>> Machine(params IEnumerable<string> names) => names.Select(name =>
        new BodyField<OllamaDraft>(name, Accepted, "integer", "How the machine is used is the server's business.", (_, value) => value.Int()));

    static IEnumerable<BodyField<OllamaDraft>> Switches(params IEnumerable<string> names) => names.Select(name =>
        new BodyField<OllamaDraft>(name, Accepted, "boolean", "How the machine is used is the server's business.", (_, value) => value.Bool()));

    static BodyField<OllamaDraft> Neutral(string name, string values, string what, float only) =>
        new(name, Refused, values, $"{what}; not supported yet.", (_, value) => Require(value.Float() == only, () => value.Unsupported(NotYet)));

    static void ReadNumPredict(OllamaDraft draft, RequestValue value)
    {
        int tokens = value.Int(-2);
        draft.MaxTokens = tokens switch
        {
            0 => throw value.Invalid("must be at least 1, or -1 for the rest of the context"),
            < 0 => null,
            _ => (value.Path, tokens),
        };
    }

    static void RefuseTrue(OllamaDraft draft, RequestValue value) => Require(!value.Bool(), () => value.Unsupported(NotYet));

    static void RefuseText(OllamaDraft draft, RequestValue value) => Require(value.String().Length == 0, () => value.Unsupported(NotYet));

    static void Require(bool condition, Func<ApiException> otherwise)
    {
        if (!condition)
        {
            throw otherwise();
        }
    }
}
