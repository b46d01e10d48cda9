namespace OpenAutoGlm.Models.Templates;

/// <summary>Macros: bodies that are called with arguments and give the text they render.</summary>
static class Macros
{
    /// <summary>A macro as a value; it sees the names of the scope it was defined in.</summary>
    public static CallableValue Create(MacroDefinition macro, Scope definedIn) =>
        new(macro.Identifier, (interpreter, arguments) => Invoke(macro, definedIn, interpreter, arguments));

    static StringValue Invoke(MacroDefinition macro, Scope definedIn, Interpreter interpreter, CallArguments arguments)
    {
        Scope scope = new(definedIn);
        int parameterCount = macro.Parameters.Count;
        int given = arguments.Positional.Count;
        if (given > parameterCount && !macro.TakesMore)
        {
            throw TemplateFault.Evaluation($"macro '{macro.Identifier}' takes not more than {parameterCount} argument(s)");
        }

        bool[] isBound = new bool[parameterCount];
        for (int i = 0; i < Math.Min(given, parameterCount); i++)
        {
            scope.Set(macro.Parameters[i].Name, arguments.Positional[i]);
            isBound[i] = true;
        }

        MapValue more = new();
        bool hasCaller = false;
        foreach ((string name, TemplateValue value) in arguments.Keyword)
        {
            int index = IndexOf(macro, name);
            hasCaller |= name == "caller";
            if (index >= 0 && isBound[index]) throw TemplateFault.Evaluation($"macro '{macro.Identifier}' got two values for '{name}'");
            if (index >= 0) isBound[index] = true;
            if (index >= 0 || (name == "caller" && macro.TakesCaller)) scope.Set(name, value);
            else if (macro.TakesMoreKeywords) more.Entries[new StringValue(name)] = value;
            else throw TemplateFault.Evaluation($"macro '{macro.Identifier}' takes no keyword argument '{name}'");
        }

        for (int i = 0; i < parameterCount; i++)
        {
            if (isBound[i]) continue;
            (string name, Expression? missing) = macro.Parameters[i];
            scope.Set(name, missing is null ? new UndefinedValue($"parameter '{name}' was not provided") : interpreter.Evaluate(missing, scope));
        }

        if (macro.TakesCaller && !hasCaller && IndexOf(macro, "caller") < 0) scope.Set("caller", new UndefinedValue("No caller defined"));
        if (macro.TakesMore) scope.Set("varargs", new ListValue([.. arguments.Positional.Skip(parameterCount)], SequenceKind.Tuple));
        if (macro.TakesMoreKeywords) scope.Set("kwargs", more);
        return interpreter.Capture(macro.Body, scope);
    }

    static int IndexOf(MacroDefinition macro, string name)
    {
        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            if (macro.Parameters[i].Name == name) return i;
        }

        return -1;
    }
}
