namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>A question with many wordings and one answer.</summary>
/// <param name="Group">What it is about.</param>
/// <param name="Questions">How it is asked.</param>
/// <param name="English">What the model says.</param>
/// <param name="Chinese">What it says in Chinese.</param>
sealed record Topic(string Group, Bilingual Questions, string English, string Chinese)
{
    /// <summary>The answer in a language.</summary>
    public string In(NanoLanguage language) => language == NanoLanguage.English ? English : Chinese;
}

/// <summary>What people ask autoglm-nano about itself, and what it answers: the truth.</summary>
static class TalkPhrases
{
    public const string CannotEnglish = "I cannot do that. I am a tiny model: I only choose phone actions and do small calculations.";
    public const string CannotChinese = "这个我做不到。我是一个很小的模型，只会选择手机操作和做简单的计算。";

    static readonly PhraseBook Talk = PhraseBook.Open("talk");
    static readonly PhraseBook TooMuch = PhraseBook.Open("beyond");

    public static readonly Topic[] Topics =
    [
        .. Talk.Names.Select(name => new Topic(
            name,
            Talk[name],
            Talk.InEnglish(name).Replace("{size}", NanoModel.SizeInEnglish, StringComparison.Ordinal),
            Talk.InChinese(name).Replace("{size}", NanoModel.SizeInChinese, StringComparison.Ordinal))),
    ];

    /// <summary>What may stand before a question.</summary>
    public static readonly Bilingual Before = TooMuch["before"];

    /// <summary>Requests that are too much; {n}: a name, {o}: one of <see cref="Things"/>.</summary>
    public static readonly Bilingual Beyond = TooMuch["beyond"];

    /// <summary>What people may want; a thing belongs to one split by its hash.</summary>
    public static string[] Things(NanoLanguage language) => TooMuch["things"].In(language).Train;
}
