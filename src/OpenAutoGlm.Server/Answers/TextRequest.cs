using System.Collections.Immutable;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>A request for text that makes sense, whatever dialect it came in. It knows how it wants to be answered.</summary>
/// <param name="Model">The name the client calls the model by.</param>
/// <param name="Prompts">One request for the engine for each prompt, alike in all else.</param>
abstract record TextRequest(string Model, ImmutableArray<GenerationRequest> Prompts)
{
    /// <summary>Where the prompt stood, for errors.</summary>
    public required string PromptName { get; init; }

    public bool Stream { get; init; }

    /// <summary>How the client spelled max_tokens; null where it left that to us.</summary>
    public string? MaxTokensName { get; init; }

    /// <summary>Where the client said what the answer must be; null where it did not.</summary>
    public string? ConstraintName { get; init; }

    /// <summary>How many of a prompt's answers the client gets: the most likely ones.</summary>
    public int Returned { get; init; } = 1;

    /// <summary>Refuses what this model cannot do, where the engine would not.</summary>
    /// <exception cref="ApiException">It cannot.</exception>
    public virtual void Check(ServedModel model)
    {
    }

    /// <summary>The reply to it, once its runs are accepted.</summary>
    public abstract Reply Answer(AnswerHead head);
}

/// <summary>What is known of an answer before its first token.</summary>
/// <param name="Model">The model's own id.</param>
/// <param name="PromptTokens">Tokens of all prompts.</param>
/// <param name="Time">The clock.</param>
/// <param name="Started">Its timestamp when the request came in.</param>
sealed record AnswerHead(string Model, int PromptTokens, TimeProvider Time, long Started)
{
    /// <summary>When the answer began.</summary>
    public DateTimeOffset Created { get; } = Time.GetUtcNow();
}
