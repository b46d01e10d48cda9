using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Chat;

/// <summary>The options of a chat as those of a request.</summary>
static class ChatParameters
{
    /// <summary>A request for the next message of a conversation.</summary>
    /// <exception cref="NotSupportedException">An option asks for what a model of this process does not have.</exception>
    public static GenerationRequest Read(JsonArray conversation, ChatOptions? options, AutoGlmChatClient client, SamplingOptions sampling)
    {
        GenerationPrompt.Chat prompt = new(conversation);
        GenerationRequest request = Given(options, client) ?? new GenerationRequest { Prompt = prompt, Sampling = sampling };
        request = request with { Thinking = request.Thinking ?? new ThinkingOptions { Apart = true } };
        if (options is null)
        {
            return request with { Prompt = prompt };
        }

        RefuseWhatIsNot(options, client);
        if (EffortOf(options) is { } effort && ThinkingOptions.TryBudget(effort, out int? budget))
        {
            request = request with { Thinking = request.Thinking! with { Budget = budget } };
        }

        return request with
        {
            Prompt = prompt with { Tools = ToolsOf(options), Variables = VariablesOf(options) },
            Sampling = SamplingOf(options, request.Sampling),
            MaxTokens = options.MaxOutputTokens ?? request.MaxTokens,
            Stop = options.StopSequences is { } stop ? [.. stop] : request.Stop,
            Constraint = ConstraintOf(options) ?? request.Constraint,
            ToolChoice = ToolChoiceOf(options) ?? request.ToolChoice,
            ParallelToolCalls = options.AllowMultipleToolCalls ?? request.ParallelToolCalls,
        };
    }

    static GenerationRequest? Given(ChatOptions? options, AutoGlmChatClient client) => options?.RawRepresentationFactory?.Invoke(client) switch
    {
        null => null,
        GenerationRequest { Choices: 1, Beams: null } request => request,
        GenerationRequest => throw new NotSupportedException($"{nameof(ChatOptions.RawRepresentationFactory)} gave a request for several choices or beams: a chat client has one answer. Use the {nameof(TextGenerator)} itself."),
        object other => throw new NotSupportedException($"{nameof(ChatOptions.RawRepresentationFactory)} gave a {other.GetType().Name}; it must give a {nameof(GenerationRequest)} or null."),
    };

    static void RefuseWhatIsNot(ChatOptions options, AutoGlmChatClient client)
    {
        if (options.ConversationId is not null)
        {
            throw new NotSupportedException($"{nameof(ChatOptions.ConversationId)} is '{options.ConversationId}', but no conversation is kept here: send all its messages. What was computed for them before is found again by itself.");
        }

        if (options.AllowBackgroundResponses == true)
        {
            throw new NotSupportedException($"{nameof(ChatOptions.AllowBackgroundResponses)}: an answer runs while it is read. Leave the option out.");
        }

        if (options.ContinuationToken is not null)
        {
            throw new NotSupportedException($"{nameof(ChatOptions.ContinuationToken)}: an answer that was left cannot be taken up again. Leave the option out.");
        }

        if (options.ModelId is { } model && model != client.Metadata.DefaultModelId)
        {
            throw new NotSupportedException($"{nameof(ChatOptions.ModelId)} is '{model}', but this client has one model, '{client.Metadata.DefaultModelId}'. Leave the option out, or make a client for that model.");
        }
    }

    static SamplingOptions SamplingOf(ChatOptions options, SamplingOptions otherwise) => otherwise with
    {
        Temperature = options.Temperature ?? otherwise.Temperature,
        TopP = options.TopP ?? otherwise.TopP,
        TopK = options.TopK ?? otherwise.TopK,
        FrequencyPenalty = options.FrequencyPenalty ?? otherwise.FrequencyPenalty,
        PresencePenalty = options.PresencePenalty ?? otherwise.PresencePenalty,
        Seed = options.Seed is { } seed ? unchecked((ulong)seed) : otherwise.Seed,
    };

    static OutputConstraint? ConstraintOf(ChatOptions options) => options.ResponseFormat switch
    {
        null or ChatResponseFormatText => null,
        ChatResponseFormatJson { Schema: { } schema } => OutputConstraint.JsonSchema(schema.GetRawText()),
        ChatResponseFormatJson => OutputConstraint.Json(),
        ChatResponseFormat other => throw new NotSupportedException($"{nameof(ChatOptions.ResponseFormat)} is a {other.GetType().Name}; it must be text, JSON, or JSON of a schema."),
    };

    static JsonArray? ToolsOf(ChatOptions options)
    {
        if (options.Tools is not { Count: > 0 } tools)
        {
            return null;
        }

        JsonArray written = [];
        foreach (AITool tool in tools)
        {
            written.Add((JsonNode)ToolOf(tool));
        }

        return written;
    }

    static JsonObject ToolOf(AITool tool)
    {
        if (tool is not AIFunctionDeclaration function)
        {
            throw new NotSupportedException($"The tool '{tool.Name}' is a {tool.GetType().Name}, which runs at some provider: a model of this process calls functions only.");
        }

        return new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = function.Name,
                ["description"] = function.Description,
                ["parameters"] = JsonNode.Parse(function.JsonSchema.GetRawText()),
            },
        };
    }

    static ToolChoice? ToolChoiceOf(ChatOptions options) => options.ToolMode switch
    {
        null => null,
        AutoChatToolMode => ToolChoice.Auto,
        NoneChatToolMode => ToolChoice.None,
        RequiredChatToolMode { RequiredFunctionName: { } name } => ToolChoice.Named(name),
        RequiredChatToolMode => ToolChoice.Required,
        ChatToolMode other => throw new NotSupportedException($"{nameof(ChatOptions.ToolMode)} is a {other.GetType().Name}; it must be auto, none, or a requirement."),
    };

    static JsonObject? VariablesOf(ChatOptions options)
    {
        JsonObject variables = [];
        if (EffortOf(options) is { } effort)
        {
            variables["enable_thinking"] = effort != "none";
            variables["reasoning_effort"] = effort;
        }

        foreach ((string name, object? value) in options.AdditionalProperties ?? [])
        {
            variables[name] = ChatConversation.ToJson(value);
        }

        return variables.Count > 0 ? variables : null;
    }

    static string? EffortOf(ChatOptions options) => options.Reasoning?.Effort switch
    {
        null => null,
        ReasoningEffort.None => "none",
        ReasoningEffort.Low => "low",
        ReasoningEffort.Medium => "medium",
        _ => "high",
    };
}
