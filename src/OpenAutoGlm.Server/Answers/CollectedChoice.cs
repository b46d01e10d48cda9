using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Answers;

/// <summary>A choice in one piece.</summary>
/// <param name="Parts">Text, thinking and calls in the order in which they came; text and thinking are never empty.</param>
/// <param name="Tokens">Its tokens, where log probabilities were asked for.</param>
/// <param name="Finish">How it ended.</param>
sealed record CollectedChoice(IReadOnlyList<CollectedPart> Parts, IReadOnlyList<GeneratedToken> Tokens, ChoiceFinished Finish)
{
    public string Text { get; } = Join(Parts, PartKind.Text);

    public string Thinking { get; } = Join(Parts, PartKind.Thinking);

    public IReadOnlyList<CollectedCall> Calls { get; } = [.. Parts.Where(part => part.Kind == PartKind.Call).Select(part => part.ToCall())];

    static string Join(IReadOnlyList<CollectedPart> parts, PartKind kind) => string.Concat(parts.Where(part => part.Kind == kind).Select(part => part.Text));
}

/// <summary>What a part of a choice is.</summary>
enum PartKind
{
    Text,
    Thinking,
    Call,
}

/// <summary>A part of a choice.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The text, the thinking, or the arguments.</param>
/// <param name="Begin">The first event of a call.</param>
sealed record CollectedPart(PartKind Kind, string Text, ToolCallDelta? Begin)
{
    public CollectedCall ToCall() => new(Begin?.Id ?? "", Begin?.Name ?? "", Text);
}

/// <summary>A call of a tool in one piece.</summary>
sealed record CollectedCall(string Id, string Name, string Arguments);
