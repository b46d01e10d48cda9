namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>Makes short talks: what the model is, what it cannot do, and good manners.</summary>
static class TalkTasks
{
    const int Beyond = 40; // of a hundred

    /// <summary>One conversation; those without thinking are asked for as such.</summary>
    public static NanoExample Make(Dice dice, NanoSplit split, NanoLanguage language)
    {
        (string group, string question, string answer) = dice.Percent(Beyond) ? Refusal(dice, split, language) : Answer(dice, split, language);
        bool isSilent = dice.Percent(25);
        return new NanoExample(
            group,
            language,
            [new NanoMessage("user", question), new NanoMessage("assistant", isSilent ? $"<think></think>{answer}" : answer)],
            answer,
            !isSilent)
        {
            Ability = NanoAbility.Talk,
        };
    }

    static (string, string, string) Answer(Dice dice, NanoSplit split, NanoLanguage language)
    {
        Topic topic = dice.Pick(TalkPhrases.Topics);
        string question = dice.Pick(topic.Questions.In(language).Of(split));
        string asked = topic.Group is "greeting" or "thanks" ? question : dice.Pick(TalkPhrases.Before.In(language).Of(split)).Replace("{x}", question, StringComparison.Ordinal);
        return (topic.Group, asked, topic.In(language));
    }

    static (string, string, string) Refusal(Dice dice, NanoSplit split, NanoLanguage language)
    {
        bool isEnglish = language == NanoLanguage.English;
        string thing;
        do
        {
            thing = dice.Pick(TalkPhrases.Things(language));
        }
        while (Dice.SplitOf(thing) != split);

        string question = dice.Pick(TalkPhrases.Beyond.In(language).Of(split))
            .Replace("{o}", thing, StringComparison.Ordinal)
            .Replace("{n}", new Names(dice, split).Element(language), StringComparison.Ordinal);
        return ("refusal", question, isEnglish ? TalkPhrases.CannotEnglish : TalkPhrases.CannotChinese);
    }
}
