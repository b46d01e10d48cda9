namespace OpenAutoGlm.Models.Templates;

/// <summary>How a body of statements ended.</summary>
enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>Runs the statements of a template. One interpreter serves one rendering.</summary>
sealed partial class Interpreter(Budget budget, TimeProvider time)
{
    public Budget Budget => budget;

    public TimeProvider Time => time;

    /// <summary>Where in the source the evaluation stands, for messages.</summary>
    public int Offset { get; private set; }

    public string Render(IReadOnlyList<Statement> body, Scope scope)
    {
        Output output = new(budget, budget.Limits.OutputCharacters, "rendered text");
        Run(body, scope, output);
        return output.ToString();
    }

    Flow Run(IReadOnlyList<Statement> body, Scope scope, Output output)
    {
        budget.Enter();
        Flow flow = Flow.Next;
        for (int i = 0; i < body.Count && flow == Flow.Next; i++)
        {
            budget.Step();
            Offset = body[i].Offset;
            flow = Run(body[i], scope, output);
        }

        budget.Leave();
        return flow;
    }

    Flow Run(Statement statement, Scope scope, Output output)
    {
        switch (statement)
        {
            case Text text: output.Write(text.Value); break;
            case Print print: output.Write(PythonText.Str(Evaluate(print.Value, scope), budget)); break;
            case If choice: return RunIf(choice, scope, output);
            case For loop: return RunFor(loop, scope, output);
            case Set set: Assign(set.Target, Evaluate(set.Value, scope), scope); break;
            case SetBlock block:
                TemplateValue captured = Capture(block.Body, new Scope(scope));
                Assign(block.Target, block.Filter is null ? captured : Filter(block.Filter, scope, captured), scope);
                break;
            case FilterBlock block:
                output.Write(PythonText.Str(Filter(block.Filter, scope, Capture(block.Body, new Scope(scope))), budget));
                break;
            case With with: return RunWith(with, scope, output);
            case Scoped scoped: return Run(scoped.Body, new Scope(scoped.SeesOnlyGlobals ? scope.Root : scope), output);
            case MacroDefinition macro: scope.Set(macro.Identifier, Macros.Create(macro, scope)); break;
            case CallBlock block: RunCallBlock(block, scope, output); break;
            case LoopControl control: return control.IsBreak ? Flow.Break : Flow.Continue;
            default: throw new InvalidOperationException($"No way to run {statement.GetType().Name}.");
        }

        return Flow.Next;
    }

    /// <summary>The text that a body renders, as a value.</summary>
    public StringValue Capture(IReadOnlyList<Statement> body, Scope scope)
    {
        Output output = new(budget, budget.Limits.StringCharacters, "captured text");
        Run(body, scope, output);
        string text = output.ToString();
        budget.Characters(text.Length);
        return new(text);
    }

    Flow RunIf(If choice, Scope scope, Output output)
    {
        foreach ((Expression condition, IReadOnlyList<Statement> body) in choice.Branches)
        {
            if (Evaluate(condition, scope).IsTrue) return Run(body, scope, output);
        }

        return Run(choice.Else, scope, output);
    }

    Flow RunFor(For loop, Scope scope, Output output)
    {
        RunLoop(loop, Evaluate(loop.Items, scope), scope, output, depth: 0);
        return Flow.Next;
    }

    void RunLoop(For loop, TemplateValue items, Scope scope, Output output, int depth)
    {
        TemplateValue[] elements = Access.Walk(items, budget);
        if (loop.Condition is not null) elements = Select(loop, elements, scope);
        LoopValue state = new(elements, depth, loop.IsRecursive ? (children => RunInner(loop, children, scope, depth + 1)) : null);
        for (int i = 0; i < elements.Length; i++)
        {
            budget.Step();
            state.Index = i;
            Scope inner = new(scope);
            inner.Set("loop", state);
            Assign(loop.Target, elements[i], inner);
            if (Run(loop.Body, inner, output) == Flow.Break) break;
        }

        if (elements.Length == 0) Run(loop.Else, new Scope(scope), output);
    }

    StringValue RunInner(For loop, TemplateValue children, Scope scope, int depth)
    {
        budget.Enter();
        Output output = new(budget, budget.Limits.StringCharacters, "text of a recursive loop");
        RunLoop(loop, children, scope, output, depth);
        budget.Leave();
        string text = output.ToString();
        budget.Characters(text.Length);
        return new(text);
    }

    TemplateValue[] Select(For loop, TemplateValue[] elements, Scope scope)
    {
        List<TemplateValue> selected = [];
        budget.Elements(elements.Length);
        foreach (TemplateValue element in elements)
        {
            Scope inner = new(scope);
            Assign(loop.Target, element, inner);
            if (Evaluate(loop.Condition!, inner).IsTrue) selected.Add(element);
        }

        return [.. selected];
    }

    Flow RunWith(With with, Scope scope, Output output)
    {
        Scope inner = new(scope);
        foreach ((Target target, Expression value) in with.Bindings) Assign(target, Evaluate(value, scope), inner);
        return Run(with.Body, inner, output);
    }

    void RunCallBlock(CallBlock block, Scope scope, Output output)
    {
        CallArguments arguments = Evaluate(block.Call.Arguments, scope);
        CallArguments withCaller = arguments with { Keyword = [.. arguments.Keyword, ("caller", Macros.Create(block.Caller, scope))] };
        TemplateValue target = Evaluate(block.Call.Target, scope);
        Offset = block.Offset;
        output.Write(PythonText.Str(Invoke(target, withCaller), budget));
    }

    void Assign(Target target, TemplateValue value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope.Set(name.Identifier, value);
                break;
            case MemberTarget member:
                Offset = member.Offset;
                if (scope.Find(member.Namespace) is not NamespaceValue space)
                {
                    throw TemplateFault.Evaluation($"cannot assign attribute on non-namespace object '{member.Namespace}'");
                }

                space.Members[member.Member] = value;
                budget.Object();
                break;
            case TupleTarget tuple:
                TemplateValue[] items = Access.Walk(value, budget);
                Offset = tuple.Offset;
                if (items.Length != tuple.Items.Count)
                {
                    throw TemplateFault.Evaluation($"{items.Length} values to unpack, expected {tuple.Items.Count}");
                }

                for (int i = 0; i < items.Length; i++) Assign(tuple.Items[i], items[i], scope);
                break;
        }
    }
}
