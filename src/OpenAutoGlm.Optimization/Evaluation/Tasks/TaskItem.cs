using System.Collections.Immutable;
using System.Text.RegularExpressions;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>One question of a task.</summary>
/// <param name="Source">Where it stands: file and line.</param>
/// <param name="Group">What results are also counted by; "" for none.</param>
public abstract record TaskItem(string Source, string Group);

/// <summary>Which of several continuations the model finds likeliest.</summary>
/// <param name="Source">Where it stands.</param>
/// <param name="Group">What results are also counted by.</param>
/// <param name="Prompt">What comes before.</param>
/// <param name="Choices">What could follow, to the letter: a space before a word belongs to it.</param>
/// <param name="Answer">Index of the right one.</param>
/// <param name="Normalise">Whether the log-likelihood is divided by the UTF-8 bytes of the choice, so that a long one is not at a disadvantage.</param>
public sealed record ChoiceItem(string Source, string Group, string Prompt, ImmutableArray<string> Choices, int Answer, bool Normalise) : TaskItem(Source, Group);

/// <summary>How likely the model finds a continuation.</summary>
/// <param name="Source">Where it stands.</param>
/// <param name="Group">What results are also counted by.</param>
/// <param name="Prompt">What comes before.</param>
/// <param name="Continuation">What follows, to the letter.</param>
public sealed record LossItem(string Source, string Group, string Prompt, string Continuation) : TaskItem(Source, Group);

/// <summary>Whether the model writes the right answer, always taking the likeliest token.</summary>
/// <param name="Source">Where it stands.</param>
/// <param name="Group">What results are also counted by.</param>
/// <param name="Prompt">A text, or a conversation for the model's template.</param>
/// <param name="Answers">Answers that count as right.</param>
public sealed record GenerateItem(string Source, string Group, GenerationPrompt Prompt, ImmutableArray<string> Answers) : TaskItem(Source, Group)
{
    /// <summary>Tokens of an answer where the item does not say.</summary>
    public const int DefaultMaxTokens = 256;

    /// <summary>Finds the answer in what was written: group 1, or the whole, of the last match. Null takes the whole text. Takes linear time.</summary>
    public Regex? Extract { get; init; }

    /// <summary>Strings that end the writing.</summary>
    public ImmutableArray<string> Stop { get; init; } = [];

    /// <summary>Most tokens to write.</summary>
    public int MaxTokens { get; init; } = DefaultMaxTokens;

    /// <summary>The answer in a text that the model wrote; null where there is none.</summary>
    public string? Find(string written)
    {
        if (Extract is null)
        {
            return written.Trim();
        }

        Match? last = Extract.Matches(written).LastOrDefault();
        return last is null ? null : (last.Groups.Count > 1 ? last.Groups[1].Value : last.Value).Trim();
    }

    /// <summary>Whether what was found is one of <see cref="Answers"/>: the same text, or the same number whatever its commas and zeros.</summary>
    public bool IsRight(string? found) => found is not null && Answers.Any(answer => AnswerText.Same(answer, found));
}
