namespace OpenAutoGlm.Models.Templates;

/// <summary>Evaluated arguments of a call.</summary>
sealed record CallArguments(IReadOnlyList<TemplateValue> Positional, IReadOnlyList<(string Name, TemplateValue Value)> Keyword)
{
    public static readonly CallArguments None = new([], []);

    public CallArguments WithFirst(TemplateValue first) => this with { Positional = [first, .. Positional] };

    /// <summary>The named argument; null where it was not given.</summary>
    public TemplateValue? Named(string name)
    {
        foreach ((string key, TemplateValue value) in Keyword)
        {
            if (key == name) return value;
        }

        return null;
    }
}

/// <summary>
/// Parameters of a built-in, written as "value, default=, boolean=": '=' marks what may be left out, '/' what stands
/// before it as positional only.
/// </summary>
sealed class Signature
{
    readonly string[] _names;
    readonly int _positionalOnly;
    readonly int _required;

    public Signature(string parameters)
    {
        List<string> names = [];
        foreach (string parameter in parameters.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (parameter == "/") _positionalOnly = names.Count;
            else names.Add(parameter.TrimEnd('='));
            if (parameter is not "/" && !parameter.EndsWith('=')) _required = names.Count;
        }

        _names = [.. names];
    }

    /// <summary>The arguments in the order of the parameters; null where one was left out.</summary>
    public TemplateValue?[] Bind(string function, CallArguments arguments)
    {
        if (arguments.Positional.Count > _names.Length)
        {
            throw TemplateFault.Evaluation($"{function}() takes at most {_names.Length} arguments, {arguments.Positional.Count} were given");
        }

        TemplateValue?[] bound = new TemplateValue?[_names.Length];
        for (int i = 0; i < arguments.Positional.Count; i++) bound[i] = arguments.Positional[i];
        foreach ((string name, TemplateValue value) in arguments.Keyword)
        {
            int index = Array.IndexOf(_names, name);
            if (index < _positionalOnly) throw TemplateFault.Evaluation($"{function}() takes no argument named '{name}'");
            if (bound[index] is not null) throw TemplateFault.Evaluation($"{function}() got two values for '{name}'");
            bound[index] = value;
        }

        for (int i = 0; i < _required; i++)
        {
            if (bound[i] is null) throw TemplateFault.Evaluation($"{function}() needs the argument '{_names[i]}'");
        }

        return bound;
    }
}

/// <summary>A filter, test, function or method of the language itself.</summary>
sealed class Builtin(string name, Func<Interpreter, CallArguments, TemplateValue> body)
{
    public string Name => name;

    public TemplateValue Invoke(Interpreter interpreter, CallArguments arguments) => body(interpreter, arguments);

    /// <summary>A built-in with fixed parameters, given in their order.</summary>
    public static Builtin Create(string name, string parameters, Func<Interpreter, TemplateValue?[], TemplateValue> body)
    {
        Signature signature = new(parameters);
        return new(name, (interpreter, arguments) => body(interpreter, signature.Bind(name, arguments)));
    }
}

/// <summary>Reads arguments of built-ins as what they must be.</summary>
static class Arguments
{
    public static int Integer(TemplateValue? value, int missing, string what)
    {
        if (value is null) return missing;
        if (!PythonNumber.TryInteger(value, out var integer)) throw TemplateFault.Evaluation($"{what} must be an integer, not {value.TypeName}");
        return integer > int.MaxValue ? int.MaxValue : integer < int.MinValue ? int.MinValue : (int)integer;
    }

    public static string Text(TemplateValue? value, string what) =>
        value is StringValue text ? text.Text : throw TemplateFault.Evaluation($"{what} must be str, not {value?.TypeName ?? "missing"}");

    public static bool IsTrue(TemplateValue? value, bool missing = false) => value?.IsTrue ?? missing;
}
