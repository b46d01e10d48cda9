using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Chat;

/// <summary>The events of one answer as updates of one message. Calls of tools are kept back until they are whole.</summary>
sealed class ChatUpdates(string model, DateTimeOffset created)
{
    readonly string _id = $"chatcmpl-{Guid.NewGuid():n}";
    readonly StringBuilder _arguments = new();
    (string Id, string Name)? _call;

    /// <summary>What an event means for the reader; nothing where a call is not whole yet.</summary>
    /// <exception cref="SequenceFailedException">The answer failed.</exception>
    /// <exception cref="SequenceCancelledException">The answer was cancelled.</exception>
    public IEnumerable<ChatResponseUpdate> Read(GenerationEvent happened) => happened switch
    {
        TextDelta { Text.Length: > 0 } delta => [.. Call(), Update(delta, new TextContent(delta.Text))],
        ThinkingDelta { Text.Length: > 0 } delta => [Update(delta, new TextReasoningContent(delta.Text))],
        ToolCallDelta delta => [.. Take(delta)],
        ChoiceFinished end => [.. Call(), Finish(end)],
        _ => [],
    };

    IEnumerable<ChatResponseUpdate> Take(ToolCallDelta delta)
    {
        if (delta is { Id: { } id, Name: { } name })
        {
            foreach (ChatResponseUpdate whole in Call())
            {
                yield return whole;
            }

            _call = (id, name);
        }

        _arguments.Append(delta.Arguments);
    }

    IEnumerable<ChatResponseUpdate> Call()
    {
        if (_call is not { } call)
        {
            yield break;
        }

        FunctionCallContent content = FunctionCallContent.CreateFromParsedArguments(_arguments.ToString(), call.Id, call.Name, Arguments);
        _call = null;
        _arguments.Clear();
        yield return Update(null, content);
    }

    ChatResponseUpdate Finish(ChoiceFinished end)
    {
        end.ThrowUnlessWhole();
        ChatResponseUpdate update = Update(end, new UsageContent(new UsageDetails
        {
            InputTokenCount = end.Usage.PromptTokens,
            OutputTokenCount = end.Usage.CompletionTokens,
            TotalTokenCount = end.Usage.PromptTokens + end.Usage.CompletionTokens,
            CachedInputTokenCount = end.Usage.CachedTokens,
        }));
        update.FinishReason = end.Reason == FinishReason.Length ? ChatFinishReason.Length
            : end.ToolCalls > 0 ? ChatFinishReason.ToolCalls
            : ChatFinishReason.Stop;
        return update;
    }

    ChatResponseUpdate Update(GenerationEvent? happened, AIContent content) => new(ChatRole.Assistant, [content])
    {
        ResponseId = _id,
        MessageId = _id,
        ModelId = model,
        CreatedAt = created,
        RawRepresentation = happened,
    };

    /// <summary>Arguments by name. An answer that was cut at its longest may end within a call: then the content has the exception.</summary>
    static Dictionary<string, object?> Arguments(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json.Length > 0 ? json : "{}");
        Dictionary<string, object?> arguments = [];
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            arguments[property.Name] = property.Value.Clone();
        }

        return arguments;
    }
}
