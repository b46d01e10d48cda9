using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Training.Nano;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// Texts and conversations to look at activations with, from files or from a small set of our own: English, Chinese, code,
/// numbers and chats. A text file is one text. A file that ends in .jsonl has one object a line: {"text": …}, {"messages": [{"role",
/// "content"}]} or {"conversations": [{"from", "value"}]}.
/// </summary>
public sealed class CalibrationData
{
    const string Resources = "OpenAutoGlm.Optimization.Calibration.Texts.";

    // Held out from the training of autoglm-nano, as many as fill the windows that a recipe asks for.
    const ulong NanoSeed = 2_000_003;
    const int NanoConversations = 200;

    static readonly Lazy<CalibrationData> Own = new(ReadOwn);
    static readonly Lazy<CalibrationData> Nano = new(MakeNano);

    CalibrationData(ImmutableArray<CalibrationDocument> documents) => Documents = documents;

    /// <summary>The set that comes with the program, about nine kilobytes.</summary>
    public static CalibrationData BuiltIn => Own.Value;

    /// <summary>
    /// What a model is looked at with where nobody names a text: conversations such as it is made for with autoglm-nano, to which
    /// nothing else means anything, and <see cref="BuiltIn"/> with all others.
    /// </summary>
    public static CalibrationData For(ModelPackage model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Name == NanoModel.Name ? Nano.Value : BuiltIn;
    }

    /// <summary>Texts and conversations in order.</summary>
    public ImmutableArray<CalibrationDocument> Documents { get; }

    /// <summary>Reads files.</summary>
    /// <exception cref="EvaluationException">A file is empty, or a line of it says nothing sensible; file and line are named.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static CalibrationData Read(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        List<CalibrationDocument> documents = [];
        foreach (string path in paths)
        {
            documents.AddRange(Parse(path, File.ReadAllText(path)));
        }

        return documents.Count > 0 ? new CalibrationData([.. documents]) : throw new EvaluationException("There is no calibration text: name a file.");
    }

    /// <summary>
    /// All documents as windows of tokens, one behind the other. Conversations are written as the model's template has them, and as
    /// plain paragraphs where there is none.
    /// </summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="template">The model's chat template; null for none.</param>
    /// <param name="windowTokens">Tokens in a window.</param>
    /// <param name="most">At most so many windows; null for all.</param>
    /// <exception cref="EvaluationException">There are too few tokens for one window, or the template refuses a conversation.</exception>
    public TokenWindows Windows(Tokenizer tokenizer, ChatTemplate? template, int windowTokens, int? most = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        List<int> ids = [];
        int[] marks = TokenWindows.MarksOf(tokenizer);
        foreach (CalibrationDocument document in Documents)
        {
            ReadOnlySpan<int> next = document.Messages is not null && template is not null
                ? tokenizer.Encode(document.Render(template, tokenizer), parseSpecials: true, addSpecials: false)
                : tokenizer.Encode(document.Plain, addSpecials: false);
            ids.AddRange(next.StartsWith(marks) ? next[marks.Length..] : next);
        }

        return TokenWindows.Cut(marks, [.. ids], windowTokens, most);
    }

    static IEnumerable<CalibrationDocument> Parse(string name, string content)
    {
        if (string.IsNullOrWhiteSpace(content))
        {
            throw new EvaluationException($"{name} is empty: give a file with words in it.");
        }

        return name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) ? ParseLines(name, content) : [new CalibrationDocument(name, content, null)];
    }

    static List<CalibrationDocument> ParseLines(string name, string content)
    {
        List<CalibrationDocument> documents = [];
        foreach ((int number, JsonElement line) in JsonLines.Parse(name, content))
        {
            documents.Add(CalibrationDocument.Of($"{name}, line {number}", line));
        }

        return documents;
    }

    static CalibrationData MakeNano()
    {
        using MemoryStream lines = new();
        NanoData.Write(lines, NanoData.Generate(NanoSeed, NanoSplit.HeldOut, NanoMix.Default).Take(NanoConversations));
        return new CalibrationData([.. ParseLines(NanoModel.Name, Encoding.UTF8.GetString(lines.ToArray()))]);
    }

    static CalibrationData ReadOwn()
    {
        List<CalibrationDocument> documents = [];
        foreach (string name in typeof(CalibrationData).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Resources, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using StreamReader reader = new(typeof(CalibrationData).Assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            documents.AddRange(Parse(name[Resources.Length..], reader.ReadToEnd()));
        }

        return new CalibrationData([.. documents]);
    }
}
