namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>Ways to say one thing in one language: most for training, some kept from it.</summary>
/// <param name="Train">For training.</param>
/// <param name="HeldOut">Never seen in training.</param>
sealed record Phrases(string[] Train, string[] HeldOut)
{
    /// <summary>Those of a split.</summary>
    public string[] Of(NanoSplit split) => split == NanoSplit.Train ? Train : HeldOut;

    /// <summary>Ways written one below another, with a line of dashes before those that are held out, if any.</summary>
    public static Phrases Read(string text)
    {
        string[] parts = text.Split("---", StringSplitOptions.TrimEntries);
        return new Phrases(Lines(parts[0]), parts.Length > 1 ? Lines(parts[1]) : []);
    }

    static string[] Lines(string text) => text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>The same in both languages.</summary>
/// <param name="English">In English.</param>
/// <param name="Chinese">In Chinese.</param>
sealed record Bilingual(Phrases English, Phrases Chinese)
{
    /// <summary>Those of a language.</summary>
    public Phrases In(NanoLanguage language) => language == NanoLanguage.English ? English : Chinese;
}
