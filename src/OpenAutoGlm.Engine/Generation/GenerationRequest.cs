using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>What to continue: text, token ids, or a conversation.</summary>
public abstract record GenerationPrompt
{
    GenerationPrompt()
    {
    }

    /// <summary>Text as it stands; special tokens that are spelled out in it count as those tokens.</summary>
    /// <param name="Content">The text.</param>
    /// <param name="AddSpecialTokens">Whether the tokenizer adds what the model wants around a text, such as a token that begins it.</param>
    public sealed record Text(string Content, bool AddSpecialTokens = true) : GenerationPrompt;

    /// <summary>Token ids as they are.</summary>
    public sealed record Tokens(ImmutableArray<int> Ids) : GenerationPrompt;

    /// <summary>A conversation, rendered by the model's chat template.</summary>
    /// <param name="Messages">Objects with role and content, as the OpenAI chat API has them.</param>
    public sealed record Chat(JsonArray Messages) : GenerationPrompt
    {
        /// <summary>Tools in the same API's form; null for none.</summary>
        public JsonArray? Tools { get; init; }

        /// <summary>Further variables of the template, for example enable_thinking.</summary>
        public JsonObject? Variables { get; init; }

        /// <summary>Whether the rendering ends where the assistant's turn begins.</summary>
        public bool AddGenerationPrompt { get; init; } = true;
    }
}

/// <summary>A request for text.</summary>
public sealed record GenerationRequest
{
    /// <summary>Most stop strings of one request.</summary>
    public const int MaxStopStrings = 16;

    /// <summary>Most UTF-16 units of one stop string.</summary>
    public const int MaxStopLength = 4096;

    /// <summary>Most choices of one request.</summary>
    public const int MaxChoices = 128;

    /// <summary>What to continue.</summary>
    public required GenerationPrompt Prompt { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Most tokens for each choice, at least 1; null for the rest of the context.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Strings that end a choice and are not part of it: at most 16, none empty.</summary>
    public ImmutableArray<string> Stop { get; init; } = [];

    /// <summary>Token ids that end a choice, beside the model's own end-of-turn tokens.</summary>
    public ImmutableArray<int> StopTokens { get; init; } = [];

    /// <summary>Whether the model's own end-of-turn tokens are generated like any other.</summary>
    public bool IgnoreEndOfTurn { get; init; }

    /// <summary>Whether special tokens appear in the text by their names.</summary>
    public bool ShowSpecialTokens { get; init; }

    /// <summary>How many answers: 1 to 128. Each is a sequence of its own with sample index 0, 1, …</summary>
    public int Choices { get; init; } = 1;

    /// <summary>Restricts tokens: makes the mask of a choice by its index; null for none.</summary>
    public Func<int, ITokenMask>? Mask { get; init; }

    /// <summary>Searches for the most likely answers instead of drawing <see cref="Choices"/>; their text comes at the end. Null for drawing.</summary>
    public BeamOptions? Beams { get; init; }

    /// <summary>What the answer must be; null for any text. Stands in for <see cref="Mask"/>, not beside it.</summary>
    public OutputConstraint? Constraint { get; init; }

    /// <summary>
    /// The text or special token after which the constraint begins, for models that think first: usually &lt;/think&gt;.
    /// Before it everything but the end is allowed. "" begins at once; null too, unless the rendered conversation ends with
    /// an open &lt;think&gt;.
    /// </summary>
    public string? ConstraintAfter { get; init; }

    /// <summary>What becomes of the model's thinking; null leaves it in the text.</summary>
    public ThinkingOptions? Thinking { get; init; }

    /// <summary>Whether the tools of a conversation may be called.</summary>
    public ToolChoice ToolChoice { get; init; } = ToolChoice.Auto;

    /// <summary>Whether one answer may call several tools.</summary>
    public bool ParallelToolCalls { get; init; } = true;

    /// <inheritdoc cref="SequenceRequest.Priority"/>
    public int Priority { get; init; }

    /// <inheritdoc cref="SequenceRequest.Tenant"/>
    public string? Tenant { get; init; }

    /// <inheritdoc cref="SequenceRequest.CacheSalt"/>
    public string? CacheSalt { get; init; }

    /// <inheritdoc cref="SequenceRequest.Timeout"/>
    public TimeSpan? Timeout { get; init; }

    /// <inheritdoc cref="SequenceRequest.Retention"/>
    public CacheRetention Retention { get; init; }

    /// <summary>Checks what the engine does not: choices and stop strings.</summary>
    /// <exception cref="RequestRefusedException">A value is out of its range; the message names parameter, value and range.</exception>
    public void Validate()
    {
        Require(Choices is >= 1 and <= MaxChoices, "n", Choices, $"n must be 1 to {MaxChoices}, not {Choices}.");
        Require(Beams is null || Stop.IsEmpty, "stop", Stop.Length, "A beam search ends at tokens: leave stop out, or send stop_token_ids.");
        Require(Beams is null || (Constraint is null && Mask is null), "response_format", 1, "A beam search has no constraint: leave out one of them.");
        Require(Constraint is null || Mask is null, "response_format", 1, "A request has a constraint or a mask, not both.");
        Require(Constraint is null || !IgnoreEndOfTurn, "ignore_eos", 1, "ignore_eos must be false with a constrained answer, which ends when it is complete.");
        Require(Stop.Length <= MaxStopStrings, "stop", Stop.Length, $"stop must have at most {MaxStopStrings} strings, not {Stop.Length}.");
        foreach (string text in Stop)
        {
            Require(text.Length is >= 1 and <= MaxStopLength, "stop", text.Length, $"A stop string must have 1 to {MaxStopLength} characters, not {text.Length}.");
            Require(IsWellFormed(text), "stop", text.Length, "A stop string must not have half a character (a lone surrogate).");
        }
    }

    static bool IsWellFormed(string text)
    {
        for (int i = 0; i < text.Length; i += char.IsSurrogate(text[i]) ? 2 : 1)
        {
            if (char.IsSurrogate(text[i]) && (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])))
            {
                return false;
            }
        }

        return true;
    }

    static void Require(bool holds, string parameter, double value, string otherwise)
    {
        if (!holds)
        {
            throw new RequestRefusedException(RefusalReason.InvalidParameter, parameter, otherwise, value);
        }
    }
}
