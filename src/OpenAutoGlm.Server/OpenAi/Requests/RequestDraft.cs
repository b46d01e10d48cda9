using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>A request as its parameters are read, one after another; <see cref="Complete"/> checks what they say together.</summary>
sealed class RequestDraft(Routes route)
{
    const int DefaultCompletionTokens = 16;

    static readonly ImmutableHashSet<string> ReservedVariables =
        ["messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token", "pad_token", "unk_token"];

    readonly JsonObject _variables = [];
    (string Name, int Value)? _maxTokens;
    (string Name, OutputConstraint Value)? _constraint;

    public string? Model { get; set; }

    public JsonArray? Messages { get; set; }

    public ImmutableArray<GenerationPrompt> Prompts { get; set; } = [];

    public int Choices { get; set; } = 1;

    public int? BestOf { get; set; }

    public int Priority { get; set; }

    public string? Tenant { get; set; }

    public string? CacheSalt { get; set; }

    public bool UseBeams { get; set; }

    public float? LengthPenalty { get; set; }

    public bool? EarlyStopping { get; set; }

    public ImmutableArray<string> Stop { get; set; } = [];

    public ImmutableArray<int> StopTokens { get; set; } = [];

    public bool IgnoreEndOfTurn { get; set; }

    public bool ShowSpecialTokens { get; set; }

    public bool AddGenerationPrompt { get; set; } = true;

    public bool AddSpecialTokens { get; set; } = true;

    public SamplingOptions Sampling { get; set; } = new();

    public bool Logprobs { get; set; }

    public int? TopLogprobs { get; set; }

    public bool Stream { get; set; }

    public bool HasStreamOptions { get; set; }

    public bool IncludeUsage { get; set; }

    public ToolList Tools { get; } = new();

    public (string Path, ToolChoice Choice)? ToolChoice { get; set; }

    public bool? ParallelToolCalls { get; set; }

    public bool? EnableThinking { get; private set; }

    public bool? ReturnReasoning { get; set; }

    public string? ReasoningEffort { get; set; }

    public int? ThinkingBudget { get; set; }

    public void SetThinking(RequestValue value)
    {
        EnableThinking = value.Bool();
        SetVariable(value, "enable_thinking", JsonValue.Create(EnableThinking.Value));
    }

    /// <summary>Says what the answer must be, once.</summary>
    public void SetConstraint(RequestValue value, OutputConstraint constraint)
    {
        if (_constraint is { } other)
        {
            throw value.Invalid($"cannot stand beside {other.Name}; send one of them");
        }

        _constraint = (value.Path, constraint);
    }

    public void SetMaxTokens(RequestValue value)
    {
        int tokens = value.Int(1);
        if (_maxTokens is { } other && other.Value != tokens)
        {
            throw value.Invalid($"is {tokens}, but {other.Name} is {other.Value}; send one of them");
        }

        _maxTokens = (value.Path, tokens);
    }

    /// <summary>Gives the template a variable where the request does not.</summary>
    public void AddVariable(string name, JsonNode node)
    {
        if (!_variables.ContainsKey(name))
        {
            _variables[name] = node;
        }
    }

    /// <summary>Refuses a name that no template variable has, or that is the template's own.</summary>
    public static void CheckVariable(RequestValue value, string name)
    {
        bool isName = name.Length is > 0 and <= 64 && !char.IsAsciiDigit(name[0]) && name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_');
        if (!isName || ReservedVariables.Contains(name))
        {
            throw value.Invalid("cannot be set: it is " + (isName ? "the template's own variable" : "no name of a variable"));
        }
    }

    public void SetVariable(RequestValue value, string name, JsonNode? node)
    {
        CheckVariable(value, name);
        if (_variables.TryGetPropertyValue(name, out JsonNode? earlier) && !JsonNode.DeepEquals(earlier, node))
        {
            throw value.Invalid("is there twice with different values; send one of them");
        }

        _variables[name] = node;
    }

    /// <summary>A value as a node that outlives the body.</summary>
    public static JsonNode? Copy(JsonElement element)
    {
        JsonElement copy = element.Clone();
        return copy.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.Object => JsonObject.Create(copy),
            JsonValueKind.Array => JsonArray.Create(copy),
            _ => JsonValue.Create(copy),
        };
    }

    public OpenAiRequest Complete()
    {
        ThinkingParameters.Settle(this);
        string model = Model ?? throw new ApiException(ApiError.Missing("model"));
        ImmutableArray<GenerationPrompt> prompts = route == Routes.Chat ? [Conversation()] : Continuations();
        Require(!HasStreamOptions || Stream, "stream_options", "is allowed with stream: true only");
        Require(TopLogprobs is null || Logprobs, "top_logprobs", "is allowed with logprobs: true only");
        Require((long)Choices * prompts.Length <= GenerationRequest.MaxChoices, "n",
            $"is {Choices} for {prompts.Length} prompts, which makes more than {GenerationRequest.MaxChoices} choices");
        int answers = BestOf ?? Choices;
        Require(answers >= Choices, "best_of", $"is {answers}, but n is {Choices}; it must be at least as much");
        Require(UseBeams || answers == Choices || !Stream, "best_of", $"is {answers} and n is {Choices}: which answers are best is known at the end, so it cannot be streamed");
        Require((long)answers * prompts.Length <= GenerationRequest.MaxChoices, "best_of", $"is {answers} for {prompts.Length} prompts, which makes more than {GenerationRequest.MaxChoices} answers");
        Require(UseBeams || LengthPenalty is null, "length_penalty", "is allowed with use_beam_search: true only");
        Require(UseBeams || EarlyStopping is null, "early_stopping", "is allowed with use_beam_search: true only");
        Require(ParallelToolCalls is null || Tools.Count > 0, "parallel_tool_calls", "is allowed with tools only");
        if (ToolChoice is { } choice)
        {
            Tools.Check(choice.Choice, choice.Path);
        }

        bool chooses = !UseBeams && answers > Choices;

        GenerationRequest template = new()
        {
            Prompt = prompts[0],
            Sampling = Sampling with { Logprobs = Logprobs ? TopLogprobs ?? 0 : chooses ? 0 : null },
            MaxTokens = _maxTokens?.Value ?? (route == Routes.Completions ? DefaultCompletionTokens : null),
            Stop = Stop,
            StopTokens = StopTokens,
            IgnoreEndOfTurn = IgnoreEndOfTurn,
            ShowSpecialTokens = ShowSpecialTokens,
            Choices = UseBeams ? Choices : answers,
            Beams = UseBeams ? new BeamOptions { Width = Math.Max(2, answers), Results = Choices, LengthPenalty = LengthPenalty ?? 1, EarlyStopping = EarlyStopping ?? false } : null,
            Priority = Priority,
            Tenant = Tenant,
            CacheSalt = CacheSalt,
            Constraint = _constraint?.Value,
            Thinking = ThinkingParameters.Of(this),
            ToolChoice = ToolChoice?.Choice ?? Engine.Generation.ToolChoice.Auto,
            ParallelToolCalls = ParallelToolCalls ?? true,
        };
        return new OpenAiRequest(route, model, [.. prompts.Select(prompt => template with { Prompt = prompt })])
        {
            PromptName = route == Routes.Chat ? "messages" : "prompt",
            Stream = Stream,
            IncludeUsage = IncludeUsage,
            Logprobs = Logprobs,
            MaxTokensName = _maxTokens?.Name,
            Returned = Choices,
            ConstraintName = _constraint?.Name,
        };
    }

    GenerationPrompt.Chat Conversation() =>
        new(Messages ?? throw new ApiException(ApiError.Missing("messages")))
        {
            Tools = Tools.ToJson(),
            Variables = _variables.Count > 0 ? _variables : null,
            AddGenerationPrompt = AddGenerationPrompt,
        };

    ImmutableArray<GenerationPrompt> Continuations() => Prompts.Length > 0
        ? [.. Prompts.Select(prompt => prompt is GenerationPrompt.Text text ? text with { AddSpecialTokens = AddSpecialTokens } : prompt)]
        : throw new ApiException(ApiError.Missing("prompt"));

    static void Require(bool condition, string parameter, string problem)
    {
        if (!condition)
        {
            throw new ApiException(ApiError.Invalid(parameter, $"{parameter} {problem}."));
        }
    }
}
