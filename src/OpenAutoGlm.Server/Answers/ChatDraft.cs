using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>A request for the next message of a conversation as its parameters are read: what such dialects share.</summary>
abstract class ChatDraft
{
    public string? Model { get; set; }

    public Conversation Conversation { get; } = new();

    public ToolList Tools { get; } = new();

    public (string Path, ToolChoice Choice)? ToolChoice { get; set; }

    public bool ParallelToolCalls { get; set; } = true;

    public SamplingOptions Sampling { get; set; } = new();

    public (string Path, int Tokens)? MaxTokens { get; set; }

    public ImmutableArray<string> Stop { get; set; } = [];

    public bool Stream { get; set; }

    public string? Tenant { get; set; }

    public (string Path, OutputConstraint Constraint)? Constraint { get; set; }

    /// <summary>Most tokens of thinking.</summary>
    public int? ThinkingBudget { get; set; }

    /// <summary>Variables of the chat template.</summary>
    public JsonObject Variables { get; } = [];

    /// <summary>Whether the model is to think; a model that cannot does not.</summary>
    public void Think(bool value)
    {
        Variables["enable_thinking"] = value;
        ThinkingBudget = value ? null : 0;
    }

    /// <summary>How hard the model is to think: whether, and for how many tokens at most.</summary>
    /// <exception cref="ApiException">There is no such effort.</exception>
    public void SetEffort(RequestValue value)
    {
        string effort = value.String();
        Think(effort != "none");
        ThinkingBudget = ThinkingOptions.TryBudget(effort, out int? budget)
            ? budget
            : throw value.Invalid("must be \"none\", \"minimal\", \"low\", \"medium\" or \"high\"");
        Variables["reasoning_effort"] = effort;
    }

    /// <summary>One stop string, or several.</summary>
    public static ImmutableArray<string> ReadStop(RequestValue value) =>
        [.. (value.IsString ? [value] : value.Array(GenerationRequest.MaxStopStrings)).Select(text => text.String(GenerationRequest.MaxStopLength) is { Length: > 0 } found ? found : throw text.Invalid("must not be empty"))];

    public static string ReadTenant(RequestValue value) => value.String(SequenceRequest.MaxNameLength);

    protected string NeedModel() => Model ?? throw new ApiException(ApiError.Missing("model"));

    protected GenerationPrompt.Chat Chat() => new(Conversation.Messages)
    {
        Tools = Tools.ToJson(),
        Variables = Variables.Count > 0 ? Variables : null,
    };

    protected GenerationRequest Build(GenerationPrompt prompt)
    {
        if (ToolChoice is { } choice)
        {
            Tools.Check(choice.Choice, choice.Path);
        }

        return new GenerationRequest
        {
            Prompt = prompt,
            Sampling = Sampling,
            MaxTokens = MaxTokens?.Tokens,
            Stop = Stop,
            Tenant = Tenant,
            Constraint = Constraint?.Constraint,
            Thinking = new ThinkingOptions { Apart = true, Budget = ThinkingBudget },
            ToolChoice = ToolChoice?.Choice ?? Engine.Generation.ToolChoice.Auto,
            ParallelToolCalls = ParallelToolCalls,
        };
    }
}
