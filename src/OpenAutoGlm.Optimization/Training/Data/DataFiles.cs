using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>Files as sources of examples: .jsonl line by line, everything else as running text.</summary>
public static class DataFiles
{
    const int PieceCharacters = 1 << 18;

    /// <summary>Opens files for a model.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="model">Whose tokenizer and chat template count.</param>
    /// <param name="sequenceTokens">Tokens of a window of running text.</param>
    /// <param name="seed">Where running text is cut in later epochs.</param>
    /// <exception cref="InvalidDataException">The model has no tokenizer.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static IExampleSource Open(IReadOnlyList<string> paths, ModelPackage model, int sequenceTokens, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(model);
        Tokenizer tokenizer = model.Tokenizer ?? throw new InvalidDataException($"{model.Path} has no tokenizer, so text cannot be learnt.");
        ChatEncoder? chats = model.ChatTemplates.Default is { } template ? new ChatEncoder(tokenizer, ChatTemplate.Parse(template)) : null;
        return Open(paths, tokenizer, chats, sequenceTokens, seed);
    }

    /// <summary>Opens files for a tokenizer.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static IExampleSource Open(IReadOnlyList<string> paths, Tokenizer tokenizer, ChatEncoder? chats, int sequenceTokens, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ImmutableArray<IExampleSource> sources =
        [
            .. paths.Select(path => Path.GetExtension(path).Equals(".jsonl", StringComparison.OrdinalIgnoreCase)
                ? (IExampleSource)new LineExamples(path, tokenizer, chats)
                : new TextExamples($"{Path.GetFileName(path)}, {new FileInfo(path).Length} bytes", Tokenize(tokenizer, File.ReadAllText(path, Encoding.UTF8)), sequenceTokens, seed)),
        ];
        return sources.Length == 1 ? sources[0] : new ExampleSources(sources);
    }

    /// <summary>The ids of a long text, tokenised in parallel: it is cut at line ends, where no usual token crosses.</summary>
    internal static int[] Tokenize(Tokenizer tokenizer, string text)
    {
        List<Range> pieces = [];
        for (int start = 0; start < text.Length;)
        {
            int from = Math.Min(text.Length, start + PieceCharacters);
            int cut = from == text.Length ? -1 : text.IndexOf('\n', from);

            // A run of line ends is one token in many vocabularies: the cut stands behind all of it.
            while (cut >= 0 && cut + 1 < text.Length && char.IsWhiteSpace(text[cut + 1]))
            {
                cut++;
            }

            int end = cut < 0 ? text.Length : cut + 1;
            pieces.Add(start..end);
            start = end;
        }

        int[][] ids = new int[pieces.Count][];
        Parallel.For(0, ids.Length, i => ids[i] = tokenizer.Encode(text.AsSpan()[pieces[i]], parseSpecials: true, addSpecials: false));
        return [.. ids.SelectMany(part => part)];
    }
}
