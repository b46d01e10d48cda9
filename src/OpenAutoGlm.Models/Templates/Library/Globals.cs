using System.Numerics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Functions that every template can call.</summary>
static class Globals
{
    /// <summary>Elements of the longest range, as in Jinja's sandbox.</summary>
    const int MaxRange = 100_000;

    static readonly Dictionary<string, CallableValue> All = new CallableValue[]
    {
        Create("range", "start, stop=, step=, /", Range),
        Create("raise_exception", "message", (interpreter, a) => throw new TemplateFault(TemplateError.Raised, PythonText.Str(a[0]!, interpreter.Budget))),
        Create("strftime_now", "format", (interpreter, a) => Strftime.Format(Arguments.Text(a[0], "format"), interpreter.Time, interpreter.Budget)),
        new("namespace", (interpreter, arguments) =>
        {
            NamespaceValue space = new();
            foreach ((string name, TemplateValue value) in Pairs("namespace", arguments, interpreter.Budget)) space.Members[name] = value;
            return space;
        }),
        new("dict", (interpreter, arguments) => TemplateValue.Map(Pairs("dict", arguments, interpreter.Budget).Select(pair => KeyValuePair.Create(pair.Name, pair.Value)))),
        new("joiner", (_, arguments) => Joiner(arguments.Positional.Count > 0 ? arguments.Positional[0] : arguments.Named("sep") ?? ", ")),
        new("cycler", (_, arguments) => new Cycler([.. arguments.Positional])),
    }.ToDictionary(function => function.Name);

    public static TemplateValue? Find(string name) => All.GetValueOrDefault(name);

    static CallableValue Create(string name, string parameters, Func<Interpreter, TemplateValue?[], TemplateValue> body)
    {
        Signature signature = new(parameters);
        return new(name, (interpreter, arguments) => body(interpreter, signature.Bind(name, arguments)));
    }

    static RangeValue Range(Interpreter interpreter, TemplateValue?[] arguments)
    {
        BigInteger[] bounds = [.. arguments.OfType<TemplateValue>().Select(argument => PythonNumber.TryInteger(argument, out BigInteger bound)
            ? bound
            : throw TemplateFault.Evaluation($"'{argument.TypeName}' object cannot be interpreted as an integer"))];
        (BigInteger start, BigInteger stop) = bounds.Length == 1 ? (0, bounds[0]) : (bounds[0], bounds[1]);
        BigInteger step = bounds.Length == 3 ? bounds[2] : 1;
        if (step.IsZero) throw TemplateFault.Evaluation("range() arg 3 must not be zero");
        BigInteger span = step.Sign > 0 ? stop - start : start - stop;
        BigInteger count = span.Sign <= 0 ? 0 : ((span - 1) / BigInteger.Abs(step)) + 1;
        if (count > MaxRange) throw TemplateFault.Limit($"A range of {count} numbers is longer than the {MaxRange} allowed.");
        interpreter.Budget.Elements((long)count * 4);
        TemplateValue[] items = new TemplateValue[(int)count];
        for (int i = 0; i < items.Length; i++) items[i] = new IntegerValue(start + (i * step));
        return new(start, stop, step, items);
    }

    /// <summary>The members that dict() and namespace() are called with: a map, pairs, or named arguments.</summary>
    static List<(string Name, TemplateValue Value)> Pairs(string function, CallArguments arguments, Budget budget)
    {
        List<(string, TemplateValue)> pairs = [];
        if (arguments.Positional.Count > 1) throw TemplateFault.Evaluation($"{function}() takes at most one positional argument");
        if (arguments.Positional is [MapValue map])
        {
            foreach ((TemplateValue key, TemplateValue value) in map.Entries) pairs.Add((Arguments.Text(key, "a name"), value));
        }
        else if (arguments.Positional is [TemplateValue list])
        {
            foreach (TemplateValue pair in Access.Walk(list, budget))
            {
                if (Access.Walk(pair, budget) is not [TemplateValue key, TemplateValue value]) throw TemplateFault.Evaluation($"{function}() needs pairs");
                pairs.Add((Arguments.Text(key, "a name"), value));
            }
        }

        pairs.AddRange(arguments.Keyword);
        budget.Entries(pairs.Count);
        return pairs;
    }

    static CallableValue Joiner(TemplateValue separator)
    {
        bool isUsed = false;
        return new("joiner", (_, _) =>
        {
            TemplateValue result = isUsed ? separator : StringValue.Empty;
            isUsed = true;
            return result;
        });
    }

    sealed class Cycler(TemplateValue[] items) : ObjectValue
    {
        int _position;

        internal override string TypeName => "Cycler";

        public override TemplateValue? Member(string name) => name switch
        {
            "current" when items.Length > 0 => items[_position],
            "next" when items.Length > 0 => new CallableValue("next", (_, _) =>
            {
                TemplateValue current = items[_position];
                _position = (_position + 1) % items.Length;
                return current;
            }),
            "reset" => new CallableValue("reset", (_, _) =>
            {
                _position = 0;
                return None;
            }),
            _ => null,
        };
    }
}
