using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.Tokens;

/// <summary>A text, or a conversation and how to render it: the body of /tokenize, and of /apply-template without the text.</summary>
sealed class PromptBody : IModelRequest
{
    const string First = "Id or alias of a served model; without it the first that is served.";

    static readonly BodyField<PromptBody>[] ConversationFields =
    [
        new("model", Honoured, "string", First, (body, value) => body.Model = value.String()),
        new("messages", Honoured, "array", "A conversation, as for /v1/chat/completions.", (body, value) => body.Messages = ChatMessages.Read(value)),
        new("add_generation_prompt", Honoured, "boolean; default true", "Whether the rendering ends where the assistant's turn begins.", (body, value) => body._addGenerationPrompt = value.Bool()),
        new("enable_thinking", Honoured, "boolean", "Given to the chat template under this name.", (body, value) => body._variables["enable_thinking"] = value.Bool()),
        new("chat_template_kwargs", Honoured, "object of at most 64 entries", "Variables for the chat template.", ReadVariables),
    ];

    readonly JsonObject _variables = [];
    bool _addGenerationPrompt = true;

    public static BodyTable<PromptBody> Conversation { get; } = new("/apply-template", [.. ConversationFields]);

    public static BodyTable<PromptBody> TextOrConversation { get; } = new("/tokenize",
    [
        .. ConversationFields,
        new("prompt", Honoured, "string", "The text; instead of messages.", (body, value) => body.SetText("prompt", value)),
        new("content", Honoured, "string", "Another name of prompt, after which add_special is false where it is not given.", (body, value) => body.SetText("content", value)),
        new("add_special_tokens", Honoured, "boolean; default true for prompt, false for messages", "Whether the tokenizer adds what the model wants around a text.", (body, value) => body.AddSpecialTokens = value.Bool()),
        new("add_special", Honoured, "boolean; default false", "Another name of add_special_tokens.", (body, value) => body.AddSpecialTokens = value.Bool()),
        new("return_token_strs", Honoured, "boolean; default false", "Adds token_strs: the text of every token.", (body, value) => body.ReturnTexts = value.Bool()),
        new("with_pieces", Honoured, "boolean; default false", "Makes tokens a list of objects with id and piece.", (body, value) => body.WithPieces = value.Bool()),
    ]);

    public string? Model { get; private set; }

    public string TextName { get; private set; } = "messages";

    public string? Text { get; private set; }

    public JsonArray? Messages { get; private set; }

    public bool? AddSpecialTokens { get; private set; }

    public bool ReturnTexts { get; private set; }

    public bool WithPieces { get; private set; }

    public static PromptBody ReadConversation(JsonElement element)
    {
        PromptBody body = new();
        Conversation.Read(body, element);
        return body.Messages is null ? throw new ApiException(ApiError.Missing("messages")) : body;
    }

    public static PromptBody ReadTextOrConversation(JsonElement element)
    {
        PromptBody body = new();
        TextOrConversation.Read(body, element);
        return (body.Text, body.Messages) switch
        {
            (null, null) => throw new ApiException(ApiError.Missing("prompt or messages")),
            (not null, not null) => throw new ApiException(ApiError.Invalid("messages", $"messages cannot stand beside {body.TextName}; send one of them.")),
            (null, not null) when body.AddSpecialTokens == true => throw new ApiException(ApiError.Invalid("add_special_tokens", "add_special_tokens is for a text; a chat template writes all that a conversation needs.")),
            _ => body,
        };
    }

    /// <summary>What the engine calls it.</summary>
    public GenerationPrompt Prompt() => Text is { } text
        ? new GenerationPrompt.Text(text, AddSpecialTokens ?? TextName == "prompt")
        : Chat();

    public GenerationPrompt.Chat Chat() => new(Messages!)
    {
        Variables = _variables.Count > 0 ? _variables : null,
        AddGenerationPrompt = _addGenerationPrompt,
    };

    static void ReadVariables(PromptBody body, RequestValue value)
    {
        foreach ((string name, RequestValue variable) in value.Properties(64))
        {
            RequestDraft.CheckVariable(variable, name);
            body._variables[name] = RequestDraft.Copy(variable.Element);
        }
    }

    void SetText(string name, RequestValue value)
    {
        if (Text is not null)
        {
            throw value.Invalid($"cannot stand beside {TextName}; send one of them");
        }

        (TextName, Text) = (name, value.String());
    }
}

/// <summary>The body of /detokenize.</summary>
sealed class TokensBody : IModelRequest
{
    public static BodyTable<TokensBody> Table { get; } = new("/detokenize",
    [
        new("model", Honoured, "string", "Id or alias of a served model; without it the first that is served.", (body, value) => body.Model = value.String()),
        new("tokens", Honoured, "array of ids; required", "Token ids.", (body, value) => body.Tokens = ReadIds(value)),
    ]);

    public string? Model { get; private set; }

    public string TextName => "tokens";

    public ImmutableArray<int>? Tokens { get; private set; }

    public static TokensBody Read(JsonElement element)
    {
        TokensBody body = new();
        Table.Read(body, element);
        return body.Tokens is null ? throw new ApiException(ApiError.Missing("tokens")) : body;
    }

    static ImmutableArray<int> ReadIds(RequestValue value) => value.IsArray && value.Element.GetArrayLength() == 0
        ? []
        : Prompts.Read(value) is [GenerationPrompt.Tokens { Ids: var ids }] ? ids : throw value.Mismatch("an array of token ids");
}
