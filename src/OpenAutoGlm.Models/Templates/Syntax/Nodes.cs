namespace OpenAutoGlm.Models.Templates;

/// <summary>A node of the syntax tree; Offset is its place in the normalised source.</summary>
abstract record Node(int Offset);

abstract record Expression(int Offset) : Node(Offset);

sealed record Constant(TemplateValue Value, int Offset) : Expression(Offset);

sealed record Name(string Identifier, int Offset) : Expression(Offset);

sealed record ListLiteral(IReadOnlyList<Expression> Items, bool IsTuple, int Offset) : Expression(Offset);

sealed record MapLiteral(IReadOnlyList<(Expression Key, Expression Value)> Items, int Offset) : Expression(Offset);

sealed record Attribute(Expression Target, string Member, int Offset) : Expression(Offset);

sealed record Subscript(Expression Target, Expression Key, int Offset) : Expression(Offset);

sealed record Slice(Expression Target, Expression? Start, Expression? Stop, Expression? Step, int Offset) : Expression(Offset);

sealed record Call(Expression Target, ArgumentList Arguments, int Offset) : Expression(Offset);

/// <summary>A filter; Target is null for the text of a filter block.</summary>
sealed record FilterCall(Expression? Target, string Filter, ArgumentList Arguments, int Offset) : Expression(Offset);

sealed record TestCall(Expression Target, string Test, ArgumentList Arguments, bool IsNegated, int Offset) : Expression(Offset);

sealed record Unary(string Operator, Expression Operand, int Offset) : Expression(Offset);

sealed record Binary(string Operator, Expression Left, Expression Right, int Offset) : Expression(Offset);

/// <summary>a &lt; b &lt;= c: every operand is evaluated once, and not at all after the first false.</summary>
sealed record Comparison(Expression First, IReadOnlyList<(string Operator, Expression Operand)> Rest, int Offset) : Expression(Offset);

sealed record Concatenation(IReadOnlyList<Expression> Parts, int Offset) : Expression(Offset);

sealed record Conditional(Expression Condition, Expression WhenTrue, Expression? WhenFalse, int Offset) : Expression(Offset);

sealed record ArgumentList(
    IReadOnlyList<Expression> Positional,
    IReadOnlyList<(string Name, Expression Value)> Keyword,
    Expression? Spread,
    Expression? KeywordSpread)
{
    public static readonly ArgumentList Empty = new([], [], null, null);
}

abstract record Statement(int Offset) : Node(Offset);

sealed record Text(string Value, int Offset) : Statement(Offset);

sealed record Print(Expression Value, int Offset) : Statement(Offset);

sealed record If(IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Else, int Offset) : Statement(Offset);

sealed record For(
    Target Target,
    Expression Items,
    Expression? Condition,
    IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Else,
    bool IsRecursive,
    int Offset) : Statement(Offset);

sealed record Set(Target Target, Expression Value, int Offset) : Statement(Offset);

sealed record SetBlock(Target Target, FilterCall? Filter, IReadOnlyList<Statement> Body, int Offset) : Statement(Offset);

sealed record FilterBlock(FilterCall Filter, IReadOnlyList<Statement> Body, int Offset) : Statement(Offset);

sealed record With(IReadOnlyList<(Target Target, Expression Value)> Bindings, IReadOnlyList<Statement> Body, int Offset) : Statement(Offset);

/// <summary>A body with its own scope that renders in place: block, generation.</summary>
sealed record Scoped(IReadOnlyList<Statement> Body, bool SeesOnlyGlobals, int Offset) : Statement(Offset);

sealed record MacroDefinition(
    string Identifier,
    IReadOnlyList<(string Name, Expression? Default)> Parameters,
    bool TakesMore,
    bool TakesMoreKeywords,
    bool TakesCaller,
    IReadOnlyList<Statement> Body,
    int Offset) : Statement(Offset);

sealed record CallBlock(MacroDefinition Caller, Call Call, int Offset) : Statement(Offset);

sealed record LoopControl(bool IsBreak, int Offset) : Statement(Offset);

/// <summary>What an assignment writes to: a name, a member of a namespace, or several targets at once.</summary>
abstract record Target(int Offset) : Node(Offset);

sealed record NameTarget(string Identifier, int Offset) : Target(Offset);

sealed record MemberTarget(string Namespace, string Member, int Offset) : Target(Offset);

sealed record TupleTarget(IReadOnlyList<Target> Items, int Offset) : Target(Offset);
