namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>What data is for. Names, phrasings and numbers of one are never in the other.</summary>
public enum NanoSplit
{
    /// <summary>For training.</summary>
    Train,

    /// <summary>For measuring what was learnt.</summary>
    HeldOut,
}

/// <summary>The language of a conversation.</summary>
public enum NanoLanguage
{
    /// <summary>English.</summary>
    English,

    /// <summary>Chinese.</summary>
    Chinese,
}

/// <summary>One message of a conversation.</summary>
/// <param name="Role">system, user or assistant.</param>
/// <param name="Content">Its text, tags around thinking and answers included.</param>
public readonly record struct NanoMessage(string Role, string Content);

/// <summary>A conversation that ends with the assistant's turn.</summary>
/// <param name="Group">What ability it shows: tap, launch, add, identity, …</param>
/// <param name="Language">Its language.</param>
/// <param name="Messages">The messages in order; the last is the assistant's.</param>
/// <param name="Answer">What the last turn says after its thinking: an action, a number or a sentence.</param>
/// <param name="Thinks">Whether the last turn may think first; without, it begins with an empty thought.</param>
public sealed record NanoExample(string Group, NanoLanguage Language, IReadOnlyList<NanoMessage> Messages, string Answer, bool Thinks)
{
    /// <summary>Which of the three abilities the group belongs to.</summary>
    public NanoAbility Ability { get; init; }
}

/// <summary>What autoglm-nano can do.</summary>
public enum NanoAbility
{
    /// <summary>The next action on a phone.</summary>
    Phone,

    /// <summary>Calculating, step by step.</summary>
    Arithmetic,

    /// <summary>Saying what it is, and what it cannot do.</summary>
    Talk,
}
