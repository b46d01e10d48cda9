using System.Text;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Calls;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Grammars;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Patterns;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>
/// What an answer must be: JSON of a schema, a match of a regular expression, a text of a grammar, one of some choices. An
/// answer under a constraint satisfies it or is not finished; what cannot be honoured exactly is refused when it is compiled.
/// </summary>
public sealed record OutputConstraint
{
    const int MaxChoices = 10_000;

    OutputConstraint(string kind, string text, JsonSchemaOptions? options = null) => (Kind, Text, Options) = (kind, text, options);

    /// <summary>The kind: json, regex, grammar, choice or calls.</summary>
    public string Kind { get; }

    /// <summary>The text it was made from.</summary>
    public string Text { get; }

    /// <summary>How a schema is read.</summary>
    internal JsonSchemaOptions? Options { get; }

    /// <summary>
    /// JSON that a schema allows (drafts 4 to 2020-12). Keys may come in any order, none that the schema names twice; white
    /// space is free within bounds.
    /// </summary>
    public static OutputConstraint JsonSchema(string schema, JsonSchemaOptions? options = null) => new("json", NotNull(schema), options ?? new JsonSchemaOptions());

    /// <summary>Any JSON object, or with <paramref name="anyValue"/> any JSON value.</summary>
    public static OutputConstraint Json(bool anyValue = false) => JsonSchema(anyValue ? "true" : """{"type": "object"}""");

    /// <summary>Texts that a regular expression (ECMA-262) matches from beginning to end.</summary>
    public static OutputConstraint Regex(string pattern) => new("regex", NotNull(pattern));

    /// <summary>Texts of a grammar in the dialect of llama.cpp's GBNF, whose first rule is root. See docs/constraints.md.</summary>
    public static OutputConstraint Grammar(string grammar) => new("grammar", NotNull(grammar));

    /// <summary>Exactly one of some texts.</summary>
    /// <exception cref="ConstraintException">There is none, too many, or an empty one.</exception>
    public static OutputConstraint Choice(IEnumerable<string> choices)
    {
        string[] all = [.. choices.Select(NotNull)];
        if (all.Length is 0 or > MaxChoices || all.Any(choice => choice.Length == 0 || choice.Contains('\0')))
        {
            throw ConstraintException.Whole("Choice", $"it must have 1 to {MaxChoices} texts, none empty and none with a NUL, and has {all.Length}.");
        }

        return new OutputConstraint("choice", string.Join('\0', all));
    }

    /// <summary>Calls of tools in a model's own form; the text is that of <see cref="CallLanguage"/>.</summary>
    internal static OutputConstraint Calls(string description) => new("calls", NotNull(description));

    /// <summary>The language behind the constraint.</summary>
    internal Machine ToMachine(ConstraintVocabulary vocabulary, CancellationToken cancellation)
    {
        switch (Kind)
        {
            case "json":
                SymbolTable symbols = new(SchemaDocument.Parse(Text, Options!, cancellation));
                return new JsonMachine(symbols, vocabulary.Trie.Longest, vocabulary.LongestSpaces);
            case "regex":
                return new PatternMachine(PatternCompiler.Whole(Text));
            case "calls":
                return CallLanguage.Read(Text, vocabulary, cancellation);
            case "grammar":
                return new GrammarMachine(GrammarGraph.Of(Text));
            default:
                try
                {
                    return new PatternMachine(DfaAlgebra.Strings(Text.Split('\0').Select(Encoding.UTF8.GetBytes)));
                }
                catch (ConstraintLimitException error)
                {
                    throw ConstraintException.Whole("Choice", $"it {error.Message}.", "Give fewer or shorter choices.");
                }
        }
    }

    static string NotNull(string text) => text ?? throw new ArgumentNullException(nameof(text));
}
