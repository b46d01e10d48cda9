namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>How people ask for things on a phone. {n}: a name; {a}: an app; {f}: a field; {t}: a text; {d}: a number; {s}: what to do in the app.</summary>
static class PhonePhrases
{
    static readonly PhraseBook Book = PhraseBook.Open("phone");

    public static readonly Bilingual Tap = Book["tap"];
    public static readonly Bilingual LongPress = Book["long-press"];
    public static readonly Bilingual DoubleTap = Book["double-tap"];
    public static readonly Bilingual Launch = Book["launch"];
    public static readonly Bilingual InApp = Book["in-app"];
    public static readonly Bilingual Type = Book["type"];
    public static readonly Bilingual Back = Book["back"];
    public static readonly Bilingual Home = Book["home"];
    public static readonly Bilingual Wait = Book["wait"];
    public static readonly Bilingual Note = Book["note"];
    public static readonly Bilingual Summarise = Book["summarise"];
    public static readonly Bilingual Notifications = Book["notifications"];
    public static readonly Bilingual Refresh = Book["refresh"];
    public static readonly Bilingual Swipe = Book["swipe"];
    public static readonly Bilingual Scroll = Book["scroll"];

    /// <summary>What may stand before a request.</summary>
    public static readonly Bilingual Before = Book["before"];

    /// <summary>What may stand behind it.</summary>
    public static readonly Bilingual After = Book["after"];
}
