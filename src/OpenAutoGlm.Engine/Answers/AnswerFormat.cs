using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpenAutoGlm.Models.Templates;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Where a call can begin in an answer.</summary>
enum CallPlace
{
    /// <summary>At a mark that begins every call.</summary>
    Mark,

    /// <summary>At the first character of the answer, or after another call.</summary>
    Start,

    /// <summary>At the first character of a line.</summary>
    Line,
}

/// <summary>
/// How a model writes calls of tools, as its chat template writes those of earlier turns. There is one for each family;
/// which one is a model's is seen from its template.
/// </summary>
abstract class AnswerFormat
{
    const int IdCharacters = 24;
    const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    static readonly ImmutableArray<AnswerFormat> All = [new KeyValueFormat(), new ListFormat(), new TaggedJsonFormat(), new BareJsonFormat(), new LineFormat()];

    /// <summary>The format's name.</summary>
    public abstract string Name { get; }

    /// <summary>Where its calls begin.</summary>
    public abstract CallPlace Place { get; }

    /// <summary>Marks that begin a call. In some vocabularies they are special tokens; they count as text all the same.</summary>
    public virtual ImmutableArray<string> Starts => [];

    /// <summary>Further names of special tokens that are part of calls.</summary>
    public virtual ImmutableArray<string> OtherMarks => [];

    /// <summary>Whether one answer may have several calls.</summary>
    public virtual bool IsParallel => true;

    /// <summary>The format of a chat template; null where it knows no tools, or writes them in no way that is known here.</summary>
    public static AnswerFormat? Of(ChatTemplate? template) => template is null ? null : All.FirstOrDefault(format => format.Writes(template.Source));

    /// <summary>Texts after which a call has begun, whose it may be, and whether they count only where the answer begins.</summary>
    public virtual IEnumerable<(string Text, IReadOnlyList<Tool> Tools, bool IsFirst)> Triggers(IReadOnlyList<Tool> tools) =>
        Starts.Select(mark => (mark, tools, false));

    /// <summary>Reads a call from behind its mark, or from its first character where it has none.</summary>
    public abstract CallReader Read(IReadOnlyList<Tool> tools, bool isCertain);

    /// <summary>A new call's id.</summary>
    public virtual string NewId() => "call_" + RandomText(IdCharacters);

    /// <summary>A conversation in OpenAI's form as this format's templates want it; the tools are among the messages, or are left to the template.</summary>
    public virtual (JsonArray Messages, JsonArray? Tools) Arrange(JsonArray messages, JsonArray? tools, ChatTemplate template) => (messages, tools);

    /// <summary>The spelling that templates of this kind have, white space and all.</summary>
    public virtual bool IsTight(ChatTemplate template) => false;

    /// <summary>Whether a template is of this kind.</summary>
    protected abstract bool Writes(string template);

    /// <summary>Letters and digits drawn at random: who can guess an id gains nothing by it.</summary>
    protected static string RandomText(int length) => System.Security.Cryptography.RandomNumberGenerator.GetString(Letters, length);
}

/// <summary>GLM-4.5 and later: &lt;tool_call&gt;name, then pairs of arg_key and arg_value.</summary>
sealed class KeyValueFormat : AnswerFormat
{
    public override string Name => "glm-4.5";

    public override CallPlace Place => CallPlace.Mark;

    public override ImmutableArray<string> Starts => ["<tool_call>"];

    public override ImmutableArray<string> OtherMarks => ["</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"];

    public override CallReader Read(IReadOnlyList<Tool> tools, bool isCertain) => new KeyValueCallReader(tools, isCertain);

    public override bool IsTight(ChatTemplate template) => template.Source.Contains("</arg_key><arg_value>", StringComparison.Ordinal);

    protected override bool Writes(string template) => template.Contains("<arg_key>", StringComparison.Ordinal) && template.Contains("<tool_call>", StringComparison.Ordinal);
}

/// <summary>Hermes and Qwen: &lt;tool_call&gt;, an object with name and arguments, &lt;/tool_call&gt;.</summary>
sealed class TaggedJsonFormat : AnswerFormat
{
    public override string Name => "hermes";

    public override CallPlace Place => CallPlace.Mark;

    public override ImmutableArray<string> Starts => ["<tool_call>"];

    public override ImmutableArray<string> OtherMarks => ["</tool_call>"];

    public override CallReader Read(IReadOnlyList<Tool> tools, bool isCertain) => new JsonCallReader(tools, isCertain, "arguments", "</tool_call>");

    protected override bool Writes(string template) =>
        template.Contains("<tool_call>", StringComparison.Ordinal) && template.Contains("arguments", StringComparison.Ordinal)
        && !template.Contains("<function=", StringComparison.Ordinal); // Qwen3-Coder writes XML between these marks.
}

/// <summary>Llama 3.1 and later: the answer is an object with name and parameters.</summary>
sealed class BareJsonFormat : AnswerFormat
{
    public override string Name => "llama-3";

    public override CallPlace Place => CallPlace.Start;

    public override ImmutableArray<string> Starts => ["<|python_tag|>"];

    public override bool IsParallel => false; // The template refuses a turn with several.

    public override IEnumerable<(string Text, IReadOnlyList<Tool> Tools, bool IsFirst)> Triggers(IReadOnlyList<Tool> tools) =>
        tools.Select(tool => (JsonCallReader.Head(tool.Name, "parameters"), (IReadOnlyList<Tool>)[tool], true));

    public override CallReader Read(IReadOnlyList<Tool> tools, bool isCertain) => new JsonCallReader(tools, isCertain, "parameters", "");

    protected override bool Writes(string template) =>
        template.Contains("<|start_header_id|>", StringComparison.Ordinal) && template.Contains("tool_calls", StringComparison.Ordinal) && template.Contains("\"parameters\": ", StringComparison.Ordinal);
}

/// <summary>Mistral: [TOOL_CALLS] and a list of calls, in later models a name and after [ARGS] its arguments.</summary>
sealed class ListFormat : AnswerFormat
{
    const int IdLength = 9; // as its templates demand

    public override string Name => "mistral";

    public override CallPlace Place => CallPlace.Mark;

    public override ImmutableArray<string> Starts => ["[TOOL_CALLS]"];

    public override ImmutableArray<string> OtherMarks => ["[ARGS]", "[CALL_ID]"];

    public override CallReader Read(IReadOnlyList<Tool> tools, bool isCertain) => new ListCallReader(tools);

    public override string NewId() => RandomText(IdLength);

    public override bool IsTight(ChatTemplate template) => template.Source.Contains("[ARGS]", StringComparison.Ordinal);

    public override (JsonArray Messages, JsonArray? Tools) Arrange(JsonArray messages, JsonArray? tools, ChatTemplate template) =>
        (CallIds.Shorten(messages, IdLength), tools);

    protected override bool Writes(string template) => template.Contains("[TOOL_CALLS]", StringComparison.Ordinal);
}

/// <summary>GLM-4: the name on the first line, then the arguments. Its templates know calls as messages with metadata.</summary>
sealed class LineFormat : AnswerFormat
{
    public override string Name => "glm-4";

    public override CallPlace Place => CallPlace.Line;

    public override CallReader Read(IReadOnlyList<Tool> tools, bool isCertain) => new LineCallReader(tools, isCertain);

    public override IEnumerable<(string Text, IReadOnlyList<Tool> Tools, bool IsFirst)> Triggers(IReadOnlyList<Tool> tools) =>
        tools.Select(tool => (tool.Name + "\n", (IReadOnlyList<Tool>)[tool], true));

    public override (JsonArray Messages, JsonArray? Tools) Arrange(JsonArray messages, JsonArray? tools, ChatTemplate template) =>
        MetadataMessages.Arrange(messages, tools, toolsInMessage: template.Source.Contains("['tools']", StringComparison.Ordinal));

    protected override bool Writes(string template) =>
        template.Contains("<|assistant|>", StringComparison.Ordinal) && template.Contains("metadata", StringComparison.Ordinal) && template.Contains("tools", StringComparison.Ordinal);
}
