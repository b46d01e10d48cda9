using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Answers;

/// <summary>A choice in one piece.</summary>
sealed record CollectedChoice(string Text, string Thinking, IReadOnlyList<CollectedCall> Calls, IReadOnlyList<GeneratedToken> Tokens, ChoiceFinished Finish);

/// <summary>A call of a tool in one piece.</summary>
sealed record CollectedCall(string Id, string Name, string Arguments);
