namespace OpenAutoGlm.Models.Templates;

/// <summary>What may follow 'is'.</summary>
static class Tests
{
    public static readonly Dictionary<string, Builtin> All = new(StringComparer.Ordinal);

    static Tests()
    {
        Add("defined", value => value is not UndefinedValue);
        Add("undefined", value => value is UndefinedValue);
        Add("none", value => value is NoneValue);
        Add("true", value => ReferenceEquals(value, TemplateValue.True));
        Add("false", value => ReferenceEquals(value, TemplateValue.False));
        Add("boolean", value => value is BooleanValue);
        Add("integer", value => value is IntegerValue);
        Add("float", value => value is FloatValue);
        Add("number", PythonNumber.IsNumber);
        Add("string", value => value is StringValue);
        Add("mapping", value => value is MapValue);
        Add("iterable", Access.IsIterable);
        Add("sequence", value => value is StringValue or MapValue or UndefinedValue or ListValue { IsIndexed: true });
        Add("callable", value => value is CallableValue or LoopValue or UndefinedValue);
        Add("escaped", value => value is StringValue { IsMarkup: true });
        Add("odd", (value, _) => Half(value) == 1);
        Add("even", (value, _) => Half(value) == 0);
        Add("lower", (value, interpreter) => StringMethods.IsLower(PythonText.Str(value, interpreter.Budget)));
        Add("upper", (value, interpreter) => StringMethods.IsUpper(PythonText.Str(value, interpreter.Budget)));
        Add("filter", (value, _) => Filters.All.ContainsKey(Arguments.Text(value, "the name of a filter")));
        Add("test", (value, _) => All.ContainsKey(Arguments.Text(value, "the name of a test")));
        AddPair("divisibleby", "num", (value, divisor, interpreter) =>
            Operators.Apply("%", value, divisor, interpreter.Budget) is { IsTrue: false });
        AddPair("sameas", "other", (value, other, _) => ReferenceEquals(value, other)
            || (value.GetType() == other.GetType() && value is IntegerValue or StringValue && KeyComparer.Instance.Equals(value, other)));
        AddPair("in", "seq", (value, container, interpreter) => Comparisons.Contains(container, value, interpreter.Budget));
        AddComparison("==", "eq", "equalto", "==");
        AddComparison("!=", "ne", "!=");
        AddComparison("<", "lt", "lessthan", "<");
        AddComparison("<=", "le", "<=");
        AddComparison(">", "gt", "greaterthan", ">");
        AddComparison(">=", "ge", ">=");
    }

    static void Add(string name, Func<TemplateValue, bool> test) => Add(name, (value, _) => test(value));

    static void Add(string name, Func<TemplateValue, Interpreter, bool> test) =>
        All[name] = Builtin.Create(name, "value", (interpreter, a) => test(a[0]!, interpreter));

    static void AddPair(string name, string other, Func<TemplateValue, TemplateValue, Interpreter, bool> test) =>
        All[name] = Builtin.Create(name, "value, " + other, (interpreter, a) => test(a[0]!, a[1]!, interpreter));

    static void AddComparison(string comparison, params string[] names)
    {
        foreach (string name in names)
        {
            AddPair(name, "other", (value, other, interpreter) => Comparisons.Apply(comparison, value, other, interpreter.Budget));
        }
    }

    /// <summary>The remainder of a division by 2.</summary>
    static double Half(TemplateValue value)
    {
        Operators.RequireDefined(value);
        if (PythonNumber.TryInteger(value, out var integer)) return integer.IsEven ? 0 : 1;
        if (value is FloatValue number) return Math.Abs(number.Value % 2);
        throw TemplateFault.Evaluation($"unsupported operand types for %: '{value.TypeName}' and 'int'");
    }
}
