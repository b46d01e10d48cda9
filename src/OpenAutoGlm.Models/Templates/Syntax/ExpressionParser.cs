using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Expressions by recursive descent. A filter or test binds tighter than any operator but sign.</summary>
class ExpressionParser(List<Token> tokens, TemplateLimits limits)
{
    int _position;
    int _nesting;

    /// <summary>Names that expressions read, by the macro they stand in; the last set is the innermost.</summary>
    protected List<HashSet<string>> NamesRead { get; } = [new(StringComparer.Ordinal)];

    protected Token Current => tokens[_position];

    protected Token Next => tokens[Math.Min(_position + 1, tokens.Count - 1)];

    protected Token Advance() => Current.Kind == TokenKind.End ? Current : tokens[_position++];

    protected bool TakeOperator(string text)
    {
        if (!Current.IsOperator(text)) return false;
        Advance();
        return true;
    }

    protected bool TakeName(string text)
    {
        if (!Current.IsName(text)) return false;
        Advance();
        return true;
    }

    protected Token ExpectOperator(string text) => Current.IsOperator(text) ? Advance() : throw Unexpected($"'{text}'");

    protected Token ExpectName() => Current.Kind == TokenKind.Name ? Advance() : throw Unexpected("a name");

    protected SyntaxFault Unexpected(string expected) => new($"Expected {expected}, found {Current}.", Current.Offset);

    /// <summary>One level deeper in the source; a template from outside must not exhaust the stack.</summary>
    protected void Enter()
    {
        if (++_nesting > limits.Nesting || !RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw NestedTooDeep();
    }

    protected void Leave() => _nesting--;

    SyntaxFault NestedTooDeep() =>
        new($"The template is nested deeper than {Math.Min(_nesting, limits.Nesting)} levels.", Current.Offset, TemplateError.Limit);

    /// <summary>Left-leaning chains (a + b + c, x.y.z) make deep trees without deep recursion here, so they are counted too.</summary>
    void CheckChain(int length)
    {
        if (_nesting + length > limits.Nesting) throw NestedTooDeep();
    }

    public Expression ParseExpression(bool allowsConditional = true)
    {
        Enter();
        Expression result = allowsConditional ? ParseConditional() : ParseOr();
        Leave();
        return result;
    }

    /// <summary>One expression, or several with commas between as a tuple.</summary>
    protected Expression ParseTuple(bool allowsConditional = true, bool isParenthesized = false, Func<bool>? endsHere = null)
    {
        int offset = Current.Offset;
        List<Expression> items = [];
        bool isTuple = false;
        while (!EndsTuple(endsHere))
        {
            items.Add(ParseExpression(allowsConditional));
            if (!Current.IsOperator(",")) break;
            Advance();
            isTuple = true;
        }

        if (isTuple) return new ListLiteral(items, IsTuple: true, offset);
        if (items.Count > 0) return items[0];
        return isParenthesized ? new ListLiteral([], IsTuple: true, offset) : throw Unexpected("an expression");
    }

    bool EndsTuple(Func<bool>? endsHere) =>
        Current.Kind is TokenKind.ExpressionEnd or TokenKind.BlockEnd or TokenKind.End || Current.IsOperator(")") || (endsHere?.Invoke() ?? false);

    Expression ParseConditional()
    {
        Expression result = ParseOr();
        for (int chain = 1; Current.IsName("if"); chain++)
        {
            CheckChain(chain);
            int offset = Advance().Offset;
            Expression condition = ParseOr();
            Expression? otherwise = null;
            if (TakeName("else"))
            {
                Enter();
                otherwise = ParseConditional();
                Leave();
            }

            result = new Conditional(condition, result, otherwise, offset);
        }

        return result;
    }

    Expression ParseOr() => ParseChain(static parser => parser.ParseAnd(), static token => token.IsName("or"));

    Expression ParseAnd() => ParseChain(static parser => parser.ParseNot(), static token => token.IsName("and"));

    Expression ParseNot()
    {
        if (!Current.IsName("not")) return ParseComparison();
        int offset = Advance().Offset;
        Enter();
        Expression operand = ParseNot();
        Leave();
        return new Unary("not", operand, offset);
    }

    Expression ParseComparison()
    {
        Expression first = ParseSum();
        List<(string, Expression)>? rest = null;
        int offset = Current.Offset;
        while (TakeComparison() is { } comparison)
        {
            (rest ??= []).Add((comparison, ParseSum()));
        }

        return rest is null ? first : new Comparison(first, rest, offset);
    }

    string? TakeComparison()
    {
        if (Current.Kind == TokenKind.Operator && Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=") return Advance().Text;
        if (TakeName("in")) return "in";
        if (!Current.IsName("not") || !Next.IsName("in")) return null;
        Advance();
        Advance();
        return "not in";
    }

    Expression ParseSum() => ParseChain(
        static parser => parser.ParseConcatenation(), static token => token.Kind == TokenKind.Operator && token.Text is "+" or "-");

    Expression ParseConcatenation()
    {
        Expression first = ParseProduct();
        if (!Current.IsOperator("~")) return first;
        int offset = Current.Offset;
        List<Expression> parts = [first];
        while (TakeOperator("~")) parts.Add(ParseProduct());
        return new Concatenation(parts, offset);
    }

    Expression ParseProduct() => ParseChain(
        static parser => parser.ParsePower(), static token => token.Kind == TokenKind.Operator && token.Text is "*" or "/" or "//" or "%");

    Expression ParsePower() => ParseChain(static parser => parser.ParseUnary(allowsFilter: true), static token => token.IsOperator("**"));

    Expression ParseChain(Func<ExpressionParser, Expression> parseOperand, Func<Token, bool> isOperator)
    {
        Expression result = parseOperand(this);
        for (int chain = 1; isOperator(Current); chain++)
        {
            CheckChain(chain);
            Token sign = Advance();
            result = new Binary(sign.Text, result, parseOperand(this), sign.Offset);
        }

        return result;
    }

    Expression ParseUnary(bool allowsFilter)
    {
        Expression result;
        if (Current.Kind == TokenKind.Operator && Current.Text is "-" or "+")
        {
            Token sign = Advance();
            Enter();
            result = new Unary(sign.Text, ParseUnary(allowsFilter: false), sign.Offset);
            Leave();
        }
        else
        {
            result = ParsePrimary();
        }

        result = ParsePostfix(result);
        return allowsFilter ? ParseFiltersAndTests(result) : result;
    }

    Expression ParsePrimary()
    {
        Token token = Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                Advance();
                return token.Text switch
                {
                    "true" or "True" => new Constant(TemplateValue.True, token.Offset),
                    "false" or "False" => new Constant(TemplateValue.False, token.Offset),
                    "none" or "None" => new Constant(TemplateValue.None, token.Offset),
                    _ => Read(token),
                };
            case TokenKind.Text:
                string text = Advance().Text;
                if (Current.Kind == TokenKind.Text)
                {
                    List<string> parts = [text];
                    while (Current.Kind == TokenKind.Text) parts.Add(Advance().Text);
                    text = string.Concat(parts);
                }

                return new Constant(new StringValue(text), token.Offset);
            case TokenKind.Integer:
                Advance();
                return new Constant(new IntegerValue(ParseInteger(token)), token.Offset);
            case TokenKind.Float:
                Advance();
                return new Constant(new FloatValue(double.Parse(token.Text, CultureInfo.InvariantCulture)), token.Offset);
            case TokenKind.Operator when token.Text == "(":
                Advance();
                Enter();
                Expression inner = ParseTuple(isParenthesized: true);
                Leave();
                ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return ParseList();
            case TokenKind.Operator when token.Text == "{":
                return ParseMap();
            default:
                throw Unexpected("an expression");
        }
    }

    Name Read(Token token)
    {
        NamesRead[^1].Add(token.Text);
        return new(token.Text, token.Offset);
    }

    static BigInteger ParseInteger(Token token)
    {
        string digits = token.Text;
        if (digits.Length > PythonNumber.MaxDigits)
        {
            throw new SyntaxFault($"A number has {digits.Length} digits; at most {PythonNumber.MaxDigits} are allowed.", token.Offset, TemplateError.Limit);
        }

        return PythonNumber.TryParseInteger(digits, 0, out BigInteger value)
            ? value
            : throw new SyntaxFault($"'{digits}' is not a number.", token.Offset);
    }

    ListLiteral ParseList()
    {
        int offset = ExpectOperator("[").Offset;
        List<Expression> items = [];
        while (!Current.IsOperator("]"))
        {
            if (items.Count > 0) ExpectOperator(",");
            if (Current.IsOperator("]")) break;
            items.Add(ParseExpression());
        }

        ExpectOperator("]");
        return new(items, IsTuple: false, offset);
    }

    MapLiteral ParseMap()
    {
        int offset = ExpectOperator("{").Offset;
        List<(Expression, Expression)> items = [];
        while (!Current.IsOperator("}"))
        {
            if (items.Count > 0) ExpectOperator(",");
            if (Current.IsOperator("}")) break;
            Expression key = ParseExpression();
            ExpectOperator(":");
            items.Add((key, ParseExpression()));
        }

        ExpectOperator("}");
        return new(items, offset);
    }

    protected Expression ParsePostfix(Expression target)
    {
        for (int chain = 1; ; chain++)
        {
            CheckChain(chain);
            if (Current.IsOperator(".")) target = ParseMember(target);
            else if (Current.IsOperator("[")) target = ParseSubscript(target);
            else if (Current.IsOperator("(")) target = new Call(target, ParseArguments(), target.Offset);
            else return target;
        }
    }

    Expression ParseFiltersAndTests(Expression target)
    {
        for (int chain = 1; ; chain++)
        {
            CheckChain(chain);
            if (Current.IsOperator("|")) target = ParseFilter(target);
            else if (Current.IsName("is")) target = ParseTest(target);
            else if (Current.IsOperator("(")) target = new Call(target, ParseArguments(), target.Offset);
            else return target;
        }
    }

    Expression ParseMember(Expression target)
    {
        int offset = ExpectOperator(".").Offset;
        if (Current.Kind == TokenKind.Integer)
        {
            Token index = Advance();
            return new Subscript(target, new Constant(new IntegerValue(ParseInteger(index)), index.Offset), offset);
        }

        return new Attribute(target, ExpectName().Text, offset);
    }

    Expression ParseSubscript(Expression target)
    {
        int offset = ExpectOperator("[").Offset;
        Enter();
        Expression? start = Current.IsOperator(":") ? null : ParseExpression();
        Expression result;
        if (TakeOperator(":"))
        {
            Expression? stop = Current.IsOperator(":") || Current.IsOperator("]") ? null : ParseExpression();
            Expression? step = TakeOperator(":") && !Current.IsOperator("]") ? ParseExpression() : null;
            result = new Slice(target, start, stop, step, offset);
        }
        else if (Current.IsOperator(","))
        {
            List<Expression> keys = [start!];
            while (TakeOperator(",")) keys.Add(ParseExpression());
            result = new Subscript(target, new ListLiteral(keys, IsTuple: true, offset), offset);
        }
        else
        {
            result = new Subscript(target, start!, offset);
        }

        Leave();
        ExpectOperator("]");
        return result;
    }

    /// <summary>A filter with its arguments; target is null at the head of a filter block.</summary>
    protected FilterCall ParseFilter(Expression? target)
    {
        if (target is not null) ExpectOperator("|");
        int offset = Current.Offset;
        string name = ParseDottedName();
        return new(target, name, Current.IsOperator("(") ? ParseArguments() : ArgumentList.Empty, offset);
    }

    /// <summary>Filters that follow a first one, as in a filter block.</summary>
    protected FilterCall ParseFilters(FilterCall first)
    {
        FilterCall result = first;
        for (int chain = 1; Current.IsOperator("|"); chain++)
        {
            CheckChain(chain);
            result = ParseFilter(result);
        }

        return result;
    }

    string ParseDottedName()
    {
        string name = ExpectName().Text;
        while (TakeOperator(".")) name += "." + ExpectName().Text;
        return name;
    }

    TestCall ParseTest(Expression target)
    {
        int offset = Advance().Offset;
        bool isNegated = TakeName("not");
        string name = ParseDottedName();
        ArgumentList arguments = ArgumentList.Empty;
        if (Current.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if (StartsTestArgument())
        {
            if (Current.IsName("is")) throw new SyntaxFault("Tests cannot be chained with 'is'.", Current.Offset);
            Enter();
            arguments = new([ParsePostfix(ParsePrimary())], [], null, null);
            Leave();
        }

        return new(target, name, arguments, isNegated, offset);
    }

    bool StartsTestArgument() => Current.Kind switch
    {
        TokenKind.Name => Current.Text is not ("else" or "or" or "and"),
        TokenKind.Text or TokenKind.Integer or TokenKind.Float => true,
        TokenKind.Operator => Current.Text is "[" or "{",
        _ => false,
    };

    protected ArgumentList ParseArguments()
    {
        ExpectOperator("(");
        Enter();
        List<Expression> positional = [];
        List<(string, Expression)> keyword = [];
        Expression? spread = null;
        Expression? keywordSpread = null;
        bool isFirst = true;
        while (!Current.IsOperator(")"))
        {
            if (!isFirst) ExpectOperator(",");
            isFirst = false;
            if (Current.IsOperator(")")) break;
            int offset = Current.Offset;
            if (spread is null && keywordSpread is null && TakeOperator("*"))
            {
                spread = ParseExpression();
            }
            else if (keywordSpread is null && TakeOperator("**"))
            {
                keywordSpread = ParseExpression();
            }
            else if (Current.Kind == TokenKind.Name && Next.IsOperator("=") && keywordSpread is null)
            {
                string name = Advance().Text;
                Advance();
                keyword.Add((name, ParseExpression()));
            }
            else if (keyword.Count == 0 && spread is null && keywordSpread is null)
            {
                positional.Add(ParseExpression());
            }
            else
            {
                throw new SyntaxFault("This argument cannot stand after named or spread arguments.", offset);
            }
        }

        Leave();
        ExpectOperator(")");
        return new(positional, keyword, spread, keywordSpread);
    }
}
