using System.Collections.Immutable;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load.Prompts;

/// <summary>Somebody says something.</summary>
readonly record struct Message(string Role, string Content);

/// <summary>What a user says in one turn: a text, or made-up tokens.</summary>
/// <param name="Text">The text; null where the parts say it.</param>
/// <param name="Parts">Made-up tokens.</param>
/// <param name="MaxTokens">Tokens of the answer.</param>
sealed record Turn(string? Text, ImmutableArray<PromptPart> Parts, int MaxTokens)
{
    /// <summary>Tokens that are meant; 0 for a text, which nobody has counted.</summary>
    public int PromptTokens => Text is null ? Parts.Sum(part => part.Tokens) : 0;
}

/// <summary>One arrival: a request, or several, each sent when the one before was answered, with all that was said before.</summary>
/// <param name="Opening">What stands before the first turn, such as the system's message.</param>
/// <param name="Turns">At least one.</param>
sealed record Conversation(ImmutableArray<Message> Opening, ImmutableArray<Turn> Turns)
{
    public static Conversation Of(Turn turn) => new([], [turn]);
}
