using System.CommandLine;
using OpenAutoGlm.Engine.Constraints;

namespace OpenAutoGlm.Cli;

/// <summary>The flags that say what an answer must be.</summary>
sealed class ConstraintFlags
{
    readonly Option<string?> _schema = Flags.Text("--json-schema", "file|json", "The answer is JSON that this JSON Schema allows: a file, or the schema itself. What cannot be kept exactly is refused.");
    readonly Option<bool> _object = Flags.Switch("--json-object", "The answer is a JSON object.");
    readonly Option<string?> _regex = Flags.Text("--regex", "pattern", "The answer matches this regular expression from beginning to end, such as '[0-9]{4}-[0-9]{2}'.");
    readonly Option<string?> _grammar = Flags.Text("--grammar", "file", "The answer is a text of the grammar in this file: GBNF, beginning with the rule root.");

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_schema, _object, _regex, _grammar];

    /// <summary>What they say; null where they say nothing.</summary>
    public OutputConstraint? Read(ParseResult arguments)
    {
        List<OutputConstraint> asked = [];
        if (arguments.GetValue(_schema) is { } schema)
        {
            bool isText = schema.TrimStart() is ['{', ..] or "true" or "false";
            asked.Add(OutputConstraint.JsonSchema(isText ? schema : ReadFile("--json-schema", schema)));
        }

        if (arguments.GetValue(_object))
        {
            asked.Add(OutputConstraint.Json());
        }

        if (arguments.GetValue(_regex) is { } pattern)
        {
            asked.Add(OutputConstraint.Regex(pattern));
        }

        if (arguments.GetValue(_grammar) is { } grammar)
        {
            asked.Add(OutputConstraint.Grammar(ReadFile("--grammar", grammar)));
        }

        return asked.Count <= 1
            ? asked.FirstOrDefault()
            : throw CommandFailedException.Usage("The answer can be one thing only: give one of --json-schema, --json-object, --regex and --grammar.");
    }

    static string ReadFile(string flag, string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CommandFailedException.Usage($"{flag} names the file '{path}', which cannot be read: {error.Message}");
        }
    }
}
