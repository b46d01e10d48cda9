namespace OpenAutoGlm.Models.Templates;

/// <summary>Evaluates expressions.</summary>
sealed partial class Interpreter
{
    public TemplateValue Evaluate(Expression expression, Scope scope)
    {
        budget.Step();
        budget.Enter();
        TemplateValue value = EvaluateNode(expression, scope);
        budget.Leave();
        return value;
    }

    TemplateValue EvaluateNode(Expression expression, Scope scope)
    {
        switch (expression)
        {
            case Constant constant: return constant.Value;
            case Name name: return Look(name, scope);
            case Attribute attribute:
                return Access.Attribute(At(Evaluate(attribute.Target, scope), attribute), attribute.Member);
            case Subscript subscript:
                TemplateValue target = Evaluate(subscript.Target, scope);
                return Access.Element(target, At(Evaluate(subscript.Key, scope), subscript), budget);
            case Slice slice: return EvaluateSlice(slice, scope);
            case Call call: return EvaluateCall(call, scope);
            case FilterCall filter: return Filter(filter, scope, null);
            case TestCall test: return Test(test, scope);
            case Unary { Operator: "not" } not: return !Evaluate(not.Operand, scope).IsTrue;
            case Unary sign: return Operators.Negate(sign.Operator, At(Evaluate(sign.Operand, scope), sign), budget);
            case Binary binary: return EvaluateBinary(binary, scope);
            case Comparison comparison: return EvaluateComparison(comparison, scope);
            case Concatenation concatenation: return EvaluateConcatenation(concatenation, scope);
            case Conditional conditional: return EvaluateConditional(conditional, scope);
            case ListLiteral list:
                budget.Elements(list.Items.Count);
                TemplateValue[] items = new TemplateValue[list.Items.Count];
                for (int i = 0; i < items.Length; i++) items[i] = Evaluate(list.Items[i], scope);
                return new ListValue(items, list.IsTuple ? SequenceKind.Tuple : SequenceKind.List);
            case MapLiteral map: return EvaluateMap(map, scope);
            default: throw new InvalidOperationException($"No way to evaluate {expression.GetType().Name}.");
        }
    }

    /// <summary>Notes that what follows happens at this node, its operands being evaluated.</summary>
    TemplateValue At(TemplateValue value, Node node)
    {
        Offset = node.Offset;
        return value;
    }

    TemplateValue Look(Name name, Scope scope)
    {
        Offset = name.Offset;
        TemplateValue? value = scope.Find(name.Identifier);
        if (value is not null) return value;
        if (Globals.Find(name.Identifier) is { } global) return global;
        budget.Object();
        return new UndefinedValue($"'{name.Identifier}' is undefined");
    }

    TemplateValue EvaluateSlice(Slice slice, Scope scope)
    {
        TemplateValue target = Evaluate(slice.Target, scope);
        TemplateValue start = slice.Start is null ? TemplateValue.None : Evaluate(slice.Start, scope);
        TemplateValue stop = slice.Stop is null ? TemplateValue.None : Evaluate(slice.Stop, scope);
        TemplateValue step = slice.Step is null ? TemplateValue.None : Evaluate(slice.Step, scope);
        Offset = slice.Offset;
        return Access.Slice(target, start, stop, step, budget);
    }

    TemplateValue EvaluateCall(Call call, Scope scope)
    {
        TemplateValue target = Evaluate(call.Target, scope);
        CallArguments arguments = Evaluate(call.Arguments, scope);
        Offset = call.Offset;
        return Invoke(target, arguments);
    }

    /// <summary>Calls what can be called.</summary>
    public TemplateValue Invoke(TemplateValue target, CallArguments arguments)
    {
        switch (target)
        {
            case CallableValue callable:
                budget.Enter();
                TemplateValue result = callable.Invoke(this, arguments);
                budget.Leave();
                return result;
            case LoopValue loop: return loop.Recurse(arguments);
            case UndefinedValue undefined: throw TemplateFault.Evaluation(undefined.Description);
            default: throw TemplateFault.Evaluation($"'{target.TypeName}' object is not callable");
        }
    }

    CallArguments Evaluate(ArgumentList list, Scope scope)
    {
        if (ReferenceEquals(list, ArgumentList.Empty)) return CallArguments.None;
        List<TemplateValue> positional = [];
        foreach (Expression expression in list.Positional) positional.Add(Evaluate(expression, scope));
        List<(string, TemplateValue)> keyword = [];
        foreach ((string name, Expression value) in list.Keyword) keyword.Add((name, Evaluate(value, scope)));
        if (list.Spread is not null)
        {
            TemplateValue[] more = Access.Walk(Evaluate(list.Spread, scope), budget);
            budget.Elements(more.Length);
            positional.AddRange(more);
        }

        if (list.KeywordSpread is not null)
        {
            if (Evaluate(list.KeywordSpread, scope) is not MapValue map) throw TemplateFault.Evaluation("what follows ** must be a map");
            foreach ((TemplateValue key, TemplateValue value) in map.Entries) keyword.Add((Arguments.Text(key, "the name of an argument"), value));
            budget.Entries(map.Entries.Count);
        }

        return new(positional, keyword);
    }

    TemplateValue Filter(FilterCall call, Scope scope, TemplateValue? blockText)
    {
        TemplateValue value = call.Target switch
        {
            null => blockText!,
            FilterCall inner => Filter(inner, scope, blockText),
            _ => Evaluate(call.Target, scope),
        };
        CallArguments arguments = Evaluate(call.Arguments, scope);
        Offset = call.Offset;
        return ApplyFilter(call.Filter, arguments.WithFirst(value));
    }

    /// <summary>Applies a filter by name; the first argument is the filtered value.</summary>
    public TemplateValue ApplyFilter(string name, CallArguments arguments)
    {
        if (!Filters.All.TryGetValue(name, out Builtin? filter)) throw TemplateFault.Evaluation($"There is no filter named '{name}'.");
        budget.Step();
        return filter.Invoke(this, arguments);
    }

    TemplateValue Test(TestCall call, Scope scope)
    {
        TemplateValue value = Evaluate(call.Target, scope);
        CallArguments arguments = Evaluate(call.Arguments, scope);
        Offset = call.Offset;
        return ApplyTest(call.Test, arguments.WithFirst(value)) != call.IsNegated;
    }

    /// <summary>Applies a test by name; the first argument is the tested value.</summary>
    public bool ApplyTest(string name, CallArguments arguments)
    {
        if (!Tests.All.TryGetValue(name, out Builtin? test)) throw TemplateFault.Evaluation($"There is no test named '{name}'.");
        budget.Step();
        return test.Invoke(this, arguments).IsTrue;
    }

    TemplateValue EvaluateBinary(Binary binary, Scope scope)
    {
        TemplateValue left = Evaluate(binary.Left, scope);
        switch (binary.Operator)
        {
            case "and": return left.IsTrue ? Evaluate(binary.Right, scope) : left;
            case "or": return left.IsTrue ? left : Evaluate(binary.Right, scope);
        }

        TemplateValue right = Evaluate(binary.Right, scope);
        Offset = binary.Offset;
        return Operators.Apply(binary.Operator, left, right, budget);
    }

    TemplateValue EvaluateComparison(Comparison comparison, Scope scope)
    {
        TemplateValue left = Evaluate(comparison.First, scope);
        foreach ((string sign, Expression operand) in comparison.Rest)
        {
            TemplateValue right = Evaluate(operand, scope);
            Offset = comparison.Offset;
            if (!Comparisons.Apply(sign, left, right, budget)) return TemplateValue.False;
            left = right;
        }

        return TemplateValue.True;
    }

    TemplateValue EvaluateConcatenation(Concatenation concatenation, Scope scope)
    {
        string[] parts = new string[concatenation.Parts.Count];
        long length = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = PythonText.Str(Evaluate(concatenation.Parts[i], scope), budget);
            length += parts[i].Length;
        }

        Offset = concatenation.Offset;
        budget.Characters(length);
        return new StringValue(string.Concat(parts));
    }

    TemplateValue EvaluateConditional(Conditional conditional, Scope scope)
    {
        if (Evaluate(conditional.Condition, scope).IsTrue) return Evaluate(conditional.WhenTrue, scope);
        if (conditional.WhenFalse is not null) return Evaluate(conditional.WhenFalse, scope);
        budget.Object();
        return new UndefinedValue("the inline if-expression evaluated to false and no else section was defined");
    }

    MapValue EvaluateMap(MapLiteral literal, Scope scope)
    {
        budget.Entries(literal.Items.Count);
        MapValue map = new();
        foreach ((Expression key, Expression value) in literal.Items)
        {
            TemplateValue name = Evaluate(key, scope);
            TemplateValue entry = Evaluate(value, scope);
            Offset = key.Offset;
            map.Entries[name] = entry;
        }

        return map;
    }
}
