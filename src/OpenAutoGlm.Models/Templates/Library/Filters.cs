namespace OpenAutoGlm.Models.Templates;

/// <summary>What may follow '|': filters on single values. The filters on sequences are in the other half.</summary>
static partial class Filters
{
    public static readonly Dictionary<string, Builtin> All = new(StringComparer.Ordinal);

    static Filters()
    {
        AddText("upper", StringMethods.Upper);
        AddText("lower", StringMethods.Lower);
        AddText("capitalize", (text, _) => StringMethods.Capitalize(text));
        AddText("title", (text, _) => Title(text));
        Add("trim", "value, chars=", (interpreter, a) => StringMethods.Strip(Text(interpreter, a[0]), a[1], interpreter.Budget));
        Add("string", "value", (interpreter, a) => a[0] is StringValue ? a[0]! : Made(Text(interpreter, a[0]), interpreter));
        Add("safe", "value", (interpreter, a) => new StringValue(Text(interpreter, a[0]), isMarkup: true));
        Add("escape", "value", (interpreter, a) => Escape(a[0]!, interpreter));
        All["e"] = All["escape"];
        Add("forceescape", "value", (interpreter, a) => new StringValue(Markup.Escape(Text(interpreter, a[0]), interpreter.Budget), isMarkup: true));
        Add("replace", "s, old, new, count=", (interpreter, a) => StringMethods.Replace(
            Text(interpreter, a[0]), Text(interpreter, a[1]), Text(interpreter, a[2]), a[3] is NoneValue ? -1 : Arguments.Integer(a[3], -1, "count"), interpreter.Budget));
        Add("center", "value, width=", (interpreter, a) => interpreter.Invoke(
            StringMethods.Find(new StringValue(Text(interpreter, a[0])), "center")!, new([a[1] ?? 80L], [])));
        Add("indent", "s, width=, first=, blank=", Indent);
        Add("truncate", "s, length=, killwords=, end=, leeway=", Truncate);
        Add("wordcount", "s", (interpreter, a) => WordCount(Text(interpreter, a[0])));
        Add("urlencode", "value", UrlEncode);
        Add("abs", "x, /", (interpreter, a) => a[0] is FloatValue number
            ? Math.Abs(number.Value)
            : Comparisons.Apply("<", a[0]!, 0L, interpreter.Budget) ? Operators.Negate("-", a[0]!, interpreter.Budget) : Operators.Negate("+", a[0]!, interpreter.Budget));
        Add("int", "value, default=, base=", (interpreter, a) => ToInteger(a, interpreter));
        Add("float", "value, default=", (_, a) => ToFloat(a));
        Add("round", "value, precision=, method=", (interpreter, a) => Rounding.Round(a[0]!, a[1], a[2], interpreter.Budget));
        Add("default", "value, default_value=, boolean=", (_, a) =>
            a[0] is UndefinedValue || (Arguments.IsTrue(a[2]) && !a[0]!.IsTrue) ? a[1] ?? StringValue.Empty : a[0]!);
        All["d"] = All["default"];
        Add("attr", "obj, name", (interpreter, a) => Access.MemberOfDefined(a[0]!, Text(interpreter, a[1])) ?? TemplateValue.Undefined);
        Add("tojson", "x, ensure_ascii=, indent=, separators=, sort_keys=", ToJson);
        Add("from_json", "value", FromJson);
        All["format"] = new("format", (interpreter, arguments) =>
        {
            CallArguments rest = new([.. arguments.Positional.Skip(1)], arguments.Keyword);
            if (rest.Positional.Count > 0 && rest.Keyword.Count > 0) throw TemplateFault.Evaluation("format takes positional or named arguments, not both");
            TemplateValue values = rest.Keyword.Count > 0
                ? TemplateValue.Map(rest.Keyword.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)))
                : new ListValue([.. rest.Positional], SequenceKind.Tuple);
            return new StringValue(PercentFormat.Format(Text(interpreter, arguments.Positional[0]), values, interpreter.Budget));
        });
        AddSequenceFilters();
    }

    static void Add(string name, string parameters, Func<Interpreter, TemplateValue?[], TemplateValue> body) =>
        All[name] = Builtin.Create(name, parameters, body);

    static void AddText(string name, Func<string, Budget, string> body) =>
        Add(name, "s", (interpreter, a) => Made(body(Text(interpreter, a[0]), interpreter.Budget), interpreter));

    static string Text(Interpreter interpreter, TemplateValue? value) => PythonText.Str(value!, interpreter.Budget);

    static StringValue Made(string text, Interpreter interpreter)
    {
        interpreter.Budget.Characters(text.Length);
        return new(text);
    }

    static TemplateValue Escape(TemplateValue value, Interpreter interpreter) =>
        value is StringValue { IsMarkup: true } ? value : new StringValue(Markup.Escape(Text(interpreter, value), interpreter.Budget), isMarkup: true);

    /// <summary>Words begin after space, hyphens and opening brackets; the rest of each is lower case.</summary>
    static string Title(string text)
    {
        char[] title = text.ToLowerInvariant().ToCharArray();
        bool startsWord = true;
        for (int i = 0; i < title.Length; i++)
        {
            if (startsWord) title[i] = char.ToUpperInvariant(title[i]);
            startsWord = PythonText.IsSpace(title[i]) || title[i] is '-' or '(' or '{' or '[' or '<';
        }

        return new(title);
    }

    static TemplateValue Indent(Interpreter interpreter, TemplateValue?[] a)
    {
        Budget budget = interpreter.Budget;
        string indent;
        if (a[1] is StringValue prefix)
        {
            indent = prefix.Text;
        }
        else
        {
            int width = Math.Max(0, Arguments.Integer(a[1], 4, "width"));
            budget.Characters(width);
            indent = new(' ', width);
        }

        // One newline is added so that a last empty line counts as a line, as Jinja does.
        TemplateValue[] lines = TextSplitting.Lines(Arguments.Text(a[0], "the indented value") + "\n", keepsEnds: false, budget).Items;
        bool indentsFirst = Arguments.IsTrue(a[2]);
        bool indentsBlank = Arguments.IsTrue(a[3]);
        string[] indented = new string[lines.Length];
        for (int i = 0; i < lines.Length; i++)
        {
            string line = ((StringValue)lines[i]).Text;
            bool isIndented = i == 0 ? indentsFirst : indentsBlank || line.Length > 0;
            if (isIndented) budget.Characters((long)indent.Length + line.Length);
            indented[i] = isIndented ? indent + line : line;
        }

        return Made(string.Join('\n', indented), interpreter);
    }

    static TemplateValue Truncate(Interpreter interpreter, TemplateValue?[] a)
    {
        int length = Arguments.Integer(a[1], 255, "length");
        if (a[0] is not StringValue text) return Access.Length(a[0]!) <= length ? a[0]! : throw TemplateFault.Evaluation($"cannot truncate {a[0]!.TypeName}");
        StringValue end = new(a[3] is null ? "..." : Text(interpreter, a[3]));
        int leeway = Arguments.Integer(a[4], 5, "leeway");
        if (length < end.Length) throw TemplateFault.Evaluation($"expected length >= {end.Length}, got {length}");
        if (text.Length <= (long)length + leeway) return text;
        string kept = text.Text[..text.Start(length - end.Length)];
        if (!Arguments.IsTrue(a[2]) && kept.LastIndexOf(' ') is >= 0 and int space) kept = kept[..space];
        return Made(kept + end.Text, interpreter);
    }

    static TemplateValue UrlEncode(Interpreter interpreter, TemplateValue?[] a)
    {
        string Quoted(TemplateValue value, string unescaped, string replacement)
        {
            string text = Text(interpreter, value);
            interpreter.Budget.Characters(text.Length * 9L);
            return Uri.EscapeDataString(text).Replace(unescaped, replacement);
        }

        if (a[0] is not (MapValue or ListValue)) return Made(Quoted(a[0]!, "%2F", "/"), interpreter);
        IEnumerable<TemplateValue> pairs = a[0] is MapValue map ? CollectionMethods.Items(map, interpreter.Budget) : Access.Walk(a[0]!, interpreter.Budget);
        return Made(string.Join('&', pairs.Select(pair => Access.Walk(pair, interpreter.Budget) is [TemplateValue key, TemplateValue value]
            ? Quoted(key, "%20", "+") + "=" + Quoted(value, "%20", "+")
            : throw TemplateFault.Evaluation("urlencode needs pairs"))), interpreter);
    }

    static TemplateValue ToInteger(TemplateValue?[] a, Interpreter interpreter)
    {
        interpreter.Budget.Object();
        Operators.RequireDefined(a[0]!);
        int radix = Arguments.Integer(a[2], 10, "base");
        switch (a[0])
        {
            case StringValue text:
                interpreter.Budget.Scan(text.Text.Length * 8L);
                if (PythonNumber.TryParseInteger(text.Text, radix, out var parsed)) return new IntegerValue(parsed);
                if (PythonNumber.TryParseFloat(text.Text, out double number) && double.IsFinite(number)) return new IntegerValue(new(number));
                break;
            case FloatValue real when double.IsFinite(real.Value): return new IntegerValue(new(real.Value));
            default:
                if (PythonNumber.TryInteger(a[0]!, out var integer)) return new IntegerValue(integer);
                break;
        }

        return a[1] ?? 0L;
    }

    static TemplateValue ToFloat(TemplateValue?[] a)
    {
        Operators.RequireDefined(a[0]!);
        bool isNumber = PythonNumber.TryFloat(a[0]!, out double number)
            || (a[0] is StringValue text && PythonNumber.TryParseFloat(text.Text, out number));
        return isNumber ? number : a[1] ?? 0.0;
    }

    static long WordCount(string text)
    {
        long count = 0;
        bool isInside = false;
        foreach (char c in text)
        {
            bool isWord = c == '_' || char.IsLetterOrDigit(c);
            if (isWord && !isInside) count++;
            isInside = isWord;
        }

        return count;
    }

    static TemplateValue ToJson(Interpreter interpreter, TemplateValue?[] a)
    {
        Budget budget = interpreter.Budget;
        string? indent = null;
        if (a[2] is StringValue unit)
        {
            indent = unit.Text;
        }
        else if (a[2] is not (null or NoneValue))
        {
            int width = Math.Max(0, Arguments.Integer(a[2], 0, "indent"));
            budget.Characters(width);
            indent = new(' ', width);
        }

        (string item, string key) = (indent is null ? ", " : ",", ": ");
        if (a[3] is not (null or NoneValue))
        {
            if (Access.Walk(a[3]!, budget) is not [StringValue first, StringValue second]) throw TemplateFault.Evaluation("separators must be two texts");
            (item, key) = (first.Text, second.Text);
        }

        return new StringValue(new JsonWriting(budget, Arguments.IsTrue(a[1]), indent, item, key, Arguments.IsTrue(a[4])).Write(a[0]!));
    }

    static TemplateValue FromJson(Interpreter interpreter, TemplateValue?[] a)
    {
        string text = Text(interpreter, a[0]);
        interpreter.Budget.Characters(text.Length * 4L);
        try
        {
            using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(text);
            return TemplateValue.FromJson(document.RootElement);
        }
        catch (System.Text.Json.JsonException exception)
        {
            throw TemplateFault.Evaluation($"from_json: {exception.Message}");
        }
    }
}
