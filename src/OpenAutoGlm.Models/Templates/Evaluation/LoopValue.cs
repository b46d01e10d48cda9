namespace OpenAutoGlm.Models.Templates;

/// <summary>What a template sees as loop inside a for block.</summary>
sealed class LoopValue(TemplateValue[] items, int depth, Func<TemplateValue, TemplateValue>? recurse) : ObjectValue
{
    TemplateValue[]? _lastChanged;

    /// <summary>The place of the current element, from 0.</summary>
    public int Index { get; set; }

    internal override string TypeName => "LoopContext";

    public override TemplateValue? Member(string name) => name switch
    {
        "index" => Index + 1L,
        "index0" => (long)Index,
        "revindex" => (long)(items.Length - Index),
        "revindex0" => items.Length - Index - 1L,
        "first" => Index == 0,
        "last" => Index == items.Length - 1,
        "length" => (long)items.Length,
        "depth" => depth + 1L,
        "depth0" => (long)depth,
        "previtem" => Index > 0 ? items[Index - 1] : new UndefinedValue("there is no previous item"),
        "nextitem" => Index + 1 < items.Length ? items[Index + 1] : new UndefinedValue("there is no next item"),
        "cycle" => new CallableValue("cycle", (_, arguments) => arguments.Positional.Count > 0
            ? arguments.Positional[Index % arguments.Positional.Count]
            : throw TemplateFault.Evaluation("no items for cycling given")),
        "changed" => new CallableValue("changed", (interpreter, arguments) => HasChanged(interpreter, arguments)),
        _ => null,
    };

    /// <summary>loop(children): renders the loop's body for the children.</summary>
    public TemplateValue Recurse(CallArguments arguments)
    {
        if (recurse is null) throw TemplateFault.Evaluation("The loop must have the 'recursive' marker to be called recursively.");
        return arguments.Positional is [TemplateValue children] ? recurse(children) : throw TemplateFault.Evaluation("loop() takes one argument");
    }

    bool HasChanged(Interpreter interpreter, CallArguments arguments)
    {
        TemplateValue[] values = [.. arguments.Positional];
        TemplateValue[]? last = _lastChanged;
        if (last is not null && last.Length == values.Length
            && values.Index().All(pair => Comparisons.AreEqual(pair.Item, last[pair.Index], interpreter.Budget)))
        {
            return false;
        }

        _lastChanged = values;
        return true;
    }
}
