using System.Reflection;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// Ways to say things, from a text: "# name" begins a thing, "## en" and "## zh" its ways in a language (with what is answered,
/// where something is, behind it), "---" those that are held out.
/// </summary>
sealed class PhraseBook
{
    readonly Dictionary<string, Entry> _entries = [];

    PhraseBook(string text)
    {
        foreach (string entry in text.Split("\n# ", StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = entry.TrimStart('#', ' ').Split("\n## ", StringSplitOptions.TrimEntries);
            (Phrases english, string inEnglish) = Read(parts[1], "en");
            (Phrases chinese, string inChinese) = Read(parts[2], "zh");
            _entries.Add(parts[0], new Entry(new Bilingual(english, chinese), inEnglish, inChinese));
        }
    }

    /// <summary>The names of all things, in their order.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>The ways to say a thing.</summary>
    public Bilingual this[string name] => _entries[name].Ways;

    /// <summary>What is answered to a thing, in English.</summary>
    public string InEnglish(string name) => _entries[name].English;

    /// <summary>What is answered to a thing, in Chinese.</summary>
    public string InChinese(string name) => _entries[name].Chinese;

    /// <summary>The book of a name; it comes with the program.</summary>
    public static PhraseBook Open(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"OpenAutoGlm.Optimization.Training.Nano.Phrases.{name}.txt")!;
        using StreamReader reader = new(stream);
        return new PhraseBook(reader.ReadToEnd().ReplaceLineEndings("\n"));
    }

    static (Phrases Ways, string Answer) Read(string part, string language)
    {
        (string heading, string lines) = part.IndexOf('\n', StringComparison.Ordinal) is >= 0 and var end ? (part[..end], part[(end + 1)..]) : (part, "");
        return heading.StartsWith(language, StringComparison.Ordinal)
            ? (Phrases.Read(lines), heading[language.Length..].Trim())
            : throw new InvalidDataException($"'{heading}' stands where the ways in '{language}' should begin.");
    }

    sealed record Entry(Bilingual Ways, string English, string Chinese);
}
