using System.Collections.Immutable;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>A request to /api/chat or /api/generate as its parameters are read. Sampling begins with Ollama's defaults.</summary>
sealed class OllamaDraft : ChatDraft
{
    public OllamaDraft()
    {
        Stream = true;
        Sampling = new SamplingOptions { Temperature = 0.8f, TopK = 40, TopP = 0.9f };
    }

    /// <summary>The model by the name that the client gave it, which answers repeat.</summary>
    public string Asked { get; set; } = "";

    public string? Prompt { get; set; }

    public string? System { get; set; }

    public bool Raw { get; set; }

    /// <summary>The context that the client wants.</summary>
    public int? ContextLength { get; set; }

    /// <summary>Over how many tokens repetition counts: 0 for none, −1 for all.</summary>
    public int? RepeatLast { get; set; }

    public static void ReadFormat(OllamaDraft draft, RequestValue value)
    {
        if (value.IsString)
        {
            draft.Constraint = value.String() switch
            {
                "" => null,
                "json" => (value.Path, OutputConstraint.Json()),
                _ => throw value.Invalid("must be \"json\" or a JSON schema"),
            };
            return;
        }

        draft.Constraint = (value.Path, OutputConstraint.JsonSchema(value.IsObject ? value.Element.GetRawText() : throw value.Mismatch("\"json\" or a JSON schema")));
    }

    public static void ReadThink(OllamaDraft draft, RequestValue value) => draft.Think(value.IsString
        ? throw value.Unsupported("must be true or false: degrees of thinking are not supported yet")
        : value.Bool());

    public static void ReadTools(OllamaDraft draft, RequestValue value)
    {
        foreach (RequestValue tool in value.Array(ToolList.MaxTools))
        {
            RequestFields fields = new(tool);
            if (fields.Take("type") is { } type && type.String() != "function")
            {
                throw type.Unsupported("must be \"function\"");
            }

            RequestFields function = new(fields.Need("function"));
            draft.Tools.Add(function.Need("name"), function.Take("description"), function.Take("parameters"));
            function.End("a function");
            fields.End("a tool");
        }
    }

    public OllamaRequest CompleteChat()
    {
        if (Conversation.Messages.Count == 0)
        {
            throw new ApiException(ApiError.Missing("messages"));
        }

        return Complete(Chat(), "messages", generates: false);
    }

    public OllamaRequest CompleteGenerate()
    {
        string prompt = Prompt ?? throw new ApiException(ApiError.Missing("prompt"));
        if (Raw)
        {
            return System is null
                ? Complete(new GenerationPrompt.Text(prompt), "prompt", generates: true)
                : throw new ApiException(ApiError.Invalid("system", "system is not allowed with raw: true, which sends the prompt as it stands."));
        }

        if (System is { Length: > 0 })
        {
            Conversation.System(System);
        }

        Conversation.User(prompt);
        return Complete(Chat(), "prompt", generates: true);
    }

    OllamaRequest Complete(GenerationPrompt prompt, string promptName, bool generates)
    {
        if (RepeatLast == 0)
        {
            Sampling = Sampling with { RepetitionPenalty = new SamplingOptions().RepetitionPenalty };
        }
        else if (RepeatLast is > 0 && Sampling.RepetitionPenalty != new SamplingOptions().RepetitionPenalty)
        {
            throw new ApiException(ApiError.Unsupported("options.repeat_last_n", $"options.repeat_last_n is {RepeatLast}; repeat_penalty counts the whole context here: send -1, or 0 for none."));
        }

        return new OllamaRequest(NeedModel(), [Build(prompt)], Asked)
        {
            PromptName = promptName,
            MaxTokensName = MaxTokens?.Path,
            ConstraintName = Constraint?.Path,
            Stream = Stream,
            ContextLength = ContextLength,
            Generates = generates,
        };
    }
}

/// <summary>A request to /api/chat or /api/generate.</summary>
sealed record OllamaRequest(string Model, ImmutableArray<GenerationRequest> Prompts, string Asked) : TextRequest(Model, Prompts)
{
    /// <summary>The context that the client wants.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Whether the answer is text and no message.</summary>
    public bool Generates { get; init; }

    public override void Check(ServedModel model)
    {
        if (ContextLength > model.ContextLength)
        {
            throw new ApiException(ApiError.Invalid("options.num_ctx", $"options.num_ctx is {ContextLength}, but the context of '{model.Id}' has {model.ContextLength} tokens here."));
        }
    }

    public override Reply Answer(AnswerHead head) => new OllamaReply(head, Asked, Generates);
}
