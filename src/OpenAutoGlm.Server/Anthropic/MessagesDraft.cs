using System.Collections.Immutable;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>A request to /v1/messages as its parameters are read.</summary>
sealed class MessagesDraft : ChatDraft
{
    public MessagesDraft() => Think(false);

    public string? System { get; set; }

    public static void ReadThinking(MessagesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        RequestValue type = fields.Need("type");
        switch (type.String())
        {
            case "enabled":
                draft.Think(true);
                draft.ThinkingBudget = fields.Need("budget_tokens").Int(1);
                break;
            case "adaptive":
                draft.Think(true);
                break;
            case "disabled":
                draft.Think(false);
                break;
            case var other:
                throw type.Invalid($"is '{ApiError.Clip(other)}'; it must be enabled, adaptive or disabled");
        }

        if (fields.Take("display") is { } display && display.String() != "summarized")
        {
            throw display.Unsupported("is not supported yet: thinking is shown as it is");
        }

        fields.End("thinking");
    }

    /// <param name="requestId">The request's id, which errors tell.</param>
    public MessagesRequest Complete(string requestId)
    {
        (string Path, int Tokens) limit = MaxTokens ?? throw new ApiException(ApiError.Missing("max_tokens"));
        if (ThinkingBudget >= limit.Tokens)
        {
            throw new ApiException(ApiError.Invalid("thinking.budget_tokens", $"thinking.budget_tokens is {ThinkingBudget}; it must be below max_tokens, which is {limit.Tokens}."));
        }

        return new MessagesRequest(NeedModel(), [Build(Prompt())], requestId)
        {
            PromptName = "messages",
            MaxTokensName = limit.Path,
            ConstraintName = Constraint?.Path,
            Stream = Stream,
        };
    }

    public CountRequest CompleteCount() => new(NeedModel(), Build(Prompt()).Prompt);

    GenerationPrompt Prompt()
    {
        if (Conversation.Messages.Count == 0)
        {
            throw new ApiException(ApiError.Missing("messages"));
        }

        if (System is { Length: > 0 })
        {
            Conversation.Preface(System);
        }

        return Chat();
    }
}

/// <summary>A request to /v1/messages.</summary>
sealed record MessagesRequest(string Model, ImmutableArray<GenerationRequest> Prompts, string RequestId) : TextRequest(Model, Prompts)
{
    public override Reply Answer(AnswerHead head) => new MessagesReply(head, RequestId);
}

/// <summary>A request to /v1/messages/count_tokens.</summary>
sealed record CountRequest(string? Model, GenerationPrompt Prompt) : IModelRequest
{
    public string TextName => "messages";
}
