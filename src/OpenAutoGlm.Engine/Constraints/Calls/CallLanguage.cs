using System.Text;
using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Masks;

namespace OpenAutoGlm.Engine.Constraints.Calls;

/// <summary>
/// The calls that an answer may make, in each model family's own form. A description is JSON, so that equal requests share
/// what is compiled: format (hermes, llama-3, glm-4, glm-4.5, mistral), tight (the spelling without white space), after
/// (whether the mark or head of the call has come already), parallel, and tools with name and parameters.
/// </summary>
sealed class CallLanguage
{
    const int LeadingLines = 2;

    readonly ConstraintVocabulary _vocabulary;
    readonly CancellationToken _cancellation;
    readonly bool _tight;
    readonly bool _parallel;
    readonly List<(string Name, string Parameters, int Index)> _tools = [];

    CallLanguage(JsonElement description, ConstraintVocabulary vocabulary, CancellationToken cancellation)
    {
        (_vocabulary, _cancellation) = (vocabulary, cancellation);
        _tight = description.GetProperty("tight").GetBoolean();
        _parallel = description.GetProperty("parallel").GetBoolean();
        foreach (JsonElement tool in description.GetProperty("tools").EnumerateArray())
        {
            _tools.Add((tool.GetProperty("name").GetString()!, tool.GetProperty("parameters").GetRawText(), _tools.Count));
        }
    }

    /// <summary>The language of a description.</summary>
    /// <exception cref="ConstraintException">A tool's schema cannot be kept; the pointer begins with the tool's index.</exception>
    public static Machine Read(string text, ConstraintVocabulary vocabulary, CancellationToken cancellation)
    {
        using JsonDocument description = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 256 });
        CallLanguage language = new(description.RootElement, vocabulary, cancellation);
        bool after = description.RootElement.GetProperty("after").GetBoolean();
        CallNode start = description.RootElement.GetProperty("format").GetString() switch
        {
            "hermes" => language.Tagged(after),
            "llama-3" => language.Bare(after),
            "glm-4" => language.Lines(after),
            "glm-4.5" => language.Pairs(after),
            _ => language.Listed(after),
        };
        return new CallMachine(start);
    }

    CallNode Tagged(bool after)
    {
        List<(byte[], Func<CallNode>)> again = [];
        CallNode end = new CallNode.Branch(again, IsFinal: true);
        CallNode close = Text("}\n</tool_call>", end);
        (string Name, CallNode Value)[] values = Values(close);
        again.AddRange(_parallel && !after ? Options(values, name => $"\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": ") : []);
        return Leading(Options(values, name => $"{(after ? "\n" : "<tool_call>\n")}{{\"name\": \"{name}\", \"arguments\": "), after ? 0 : LeadingLines);
    }

    CallNode Bare(bool after)
    {
        CallNode close = Text("}", End());
        (string Name, CallNode Value)[] values = Values(close);
        return after ? values[0].Value : Leading(Options(values, name => $"{{\"name\": \"{name}\", \"parameters\": "), LeadingLines);
    }

    CallNode Lines(bool after)
    {
        (string Name, CallNode Value)[] values = Values(End());
        return after ? values[0].Value : Leading(Options(values, name => $"{name}\n"), LeadingLines);
    }

    CallNode Listed(bool after)
    {
        string mark = after ? "" : "[TOOL_CALLS]";
        List<(byte[], Func<CallNode>)> again = [];
        if (_tight)
        {
            CallNode end = new CallNode.Branch(again, IsFinal: true);
            (string Name, CallNode Value)[] ofNames = Values(end);
            again.AddRange(_parallel && !after ? Options(ofNames, name => $"{mark}{name}[ARGS]") : []);
            return Leading(Options(ofNames, name => $"{mark}{name}[ARGS]"), after ? 0 : LeadingLines);
        }

        CallNode next = new CallNode.Branch(again);
        (string Name, CallNode Value)[] values = Values(Text("}", next));
        again.Add((Bytes("]"), End));
        again.AddRange(_parallel ? Options(values, name => $", {{\"name\": \"{name}\", \"arguments\": ") : []);
        return Leading(Options(values, name => $"{mark}[{{\"name\": \"{name}\", \"arguments\": "), after ? 0 : LeadingLines);
    }

    CallNode Pairs(bool after)
    {
        string line = _tight ? "" : "\n";
        List<(byte[] Text, Func<CallNode> Next)> first = [];
        List<(byte[] Text, Func<CallNode> Next)> again = [];
        CallNode end = new CallNode.Branch(again, IsFinal: true);
        foreach ((string name, string parameters, int index) in _tools)
        {
            PairLanguage pairs = Within(index, () => new PairLanguage(parameters, line, end, _vocabulary, _cancellation));
            foreach ((byte[] text, Func<CallNode> next) in pairs.Start.Options)
            {
                first.Add(([.. Bytes((after ? "" : "<tool_call>") + name), .. text], next));
                again.AddRange(_parallel && !after ? [([.. Bytes($"{line}<tool_call>{name}"), .. text], next)] : []);
            }
        }

        return Leading(first, after ? 0 : LeadingLines);
    }

    /// <summary>For every tool the place where its arguments come, and what follows them.</summary>
    (string Name, CallNode Value)[] Values(CallNode next) =>
        [.. _tools.Select(tool => (tool.Name, (CallNode)new CallNode.Value(Within(tool.Index, () => PairLanguage.Json(PairLanguage.AsObject(tool.Parameters), "", _vocabulary, _cancellation)), () => next)))];

    static IEnumerable<(byte[] Text, Func<CallNode> Next)> Options((string Name, CallNode Value)[] values, Func<string, string> head) =>
        values.Select(value => (Bytes(head(value.Name)), (Func<CallNode>)(() => value.Value)));

    /// <summary>The texts, with a few line ends before them, which models write behind their thinking.</summary>
    static CallNode Leading(IEnumerable<(byte[] Text, Func<CallNode> Next)> options, int lines)
    {
        (byte[] Text, Func<CallNode> Next)[] all = [.. options];
        return lines == 0 ? new CallNode.Branch(all) : new CallNode.Branch([.. all, (Bytes("\n"), Once(() => Leading(all, lines - 1)))]);
    }

    static CallNode Text(string text, CallNode next) => new CallNode.Branch([(Bytes(text), () => next)]);

    static CallNode End() => new CallNode.Branch([], IsFinal: true);

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    static Func<CallNode> Once(Func<CallNode> make)
    {
        Lazy<CallNode> node = new(make);
        return () => node.Value;
    }

    /// <summary>Says of an error which tool's it is.</summary>
    static T Within<T>(int index, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (ConstraintException error)
        {
            throw ConstraintException.Schema($"/{index}{error.Pointer}", error.Reason, error.Remedy, error);
        }
    }
}
