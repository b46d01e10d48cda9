using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>What to continue: text, token ids, or a conversation.</summary>
public abstract record GenerationPrompt
{
    GenerationPrompt()
    {
    }

    /// <summary>Text as it stands.</summary>
    /// <param name="Content">The text.</param>
    /// <param name="AddSpecialTokens">Whether the tokenizer adds what it adds to a document (a beginning-of-text token), and reads special tokens in the text.</param>
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
}
