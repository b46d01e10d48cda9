namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Who says what will follow.</summary>
enum GuessOrigin
{
    /// <summary>Nobody.</summary>
    None,

    /// <summary>A smaller model.</summary>
    Model,

    /// <summary>The sequence itself, where its last tokens stood before.</summary>
    Text,

    /// <summary>An earlier answer in which they stand.</summary>
    Answers,
}

/// <summary>Why guesses may be right. The default is no evidence.</summary>
/// <param name="Origin">Who says so.</param>
/// <param name="Agreeing">How many tokens before the first guess stand before what is guessed too; nothing to a model.</param>
readonly record struct Evidence(GuessOrigin Origin, int Agreeing)
{
    const int Levels = 4; // of agreement, told apart because they come true about equally often within

    /// <summary>
    /// What kind of evidence there is for one of the guesses, provided that those before it are right: then they agree as well.
    /// </summary>
    internal int KindOf(int guess)
    {
        int level = (Agreeing + guess) switch
        {
            <= 1 => 0,
            2 => 1,
            <= 5 => 2,
            _ => Levels - 1,
        };
        return Origin switch
        {
            GuessOrigin.Text => 1 + level,
            GuessOrigin.Answers => 1 + Levels + level,
            _ => 0,
        };
    }
}
