namespace OpenAutoGlm.Models.Templates;

/// <summary>Statements: what stands between {% and %}, and the text and expressions between them.</summary>
sealed class Parser(List<Token> tokens, TemplateLimits limits) : ExpressionParser(tokens, limits)
{
    int _loops;

    /// <summary>The statements of a whole template and the names it reads.</summary>
    public static (IReadOnlyList<Statement> Body, IReadOnlySet<string> Names) Parse(string source, TemplateLimits limits)
    {
        Parser parser = new(Lexer.Tokenize(source), limits);
        List<Statement> body = parser.ParseBody();
        return (body, parser.NamesRead[0]);
    }

    /// <summary>Statements up to a block tag that begins with one of the ends, or to the end of the template.</summary>
    List<Statement> ParseBody(params ReadOnlySpan<string> ends)
    {
        Enter();
        List<Statement> body = [];
        while (true)
        {
            Token token = Current;
            switch (token.Kind)
            {
                case TokenKind.Data:
                    Advance();
                    body.Add(new Text(token.Text, token.Offset));
                    break;
                case TokenKind.ExpressionBegin:
                    Advance();
                    body.Add(new Print(ParseTuple(), token.Offset));
                    Expect(TokenKind.ExpressionEnd, "the end of the expression '}}'");
                    break;
                case TokenKind.BlockBegin when Next.Kind == TokenKind.Name && ends.Contains(Next.Text):
                    Leave();
                    return body;
                case TokenKind.BlockBegin:
                    Advance();
                    body.Add(ParseStatement());
                    break;
                case TokenKind.End when ends.Length == 0:
                    Leave();
                    return body;
                default:
                    throw Unexpected($"'{{% {string.Join(" %}' or '{% ", ends!)} %}}'");
            }
        }
    }

    void Expect(TokenKind kind, string description)
    {
        if (Current.Kind != kind) throw Unexpected(description);
        Advance();
    }

    void EndTag() => Expect(TokenKind.BlockEnd, "the end of the tag '%}'");

    /// <summary>Steps over '{%' and the word of an end tag, and its '%}'.</summary>
    void EndBlock()
    {
        Advance();
        Advance();
        EndTag();
    }

    Statement ParseStatement()
    {
        Token word = ExpectName();
        int offset = word.Offset;
        switch (word.Text)
        {
            case "if": return ParseIf(offset);
            case "for": return ParseFor(offset);
            case "set": return ParseSet(offset);
            case "macro": return ParseMacro(offset);
            case "call": return ParseCall(offset);
            case "filter": return ParseFilterBlock(offset);
            case "with": return ParseWith(offset);
            case "block": return ParseNamedBlock(offset);
            case "generation":
                EndTag();
                List<Statement> body = ParseBody("endgeneration");
                EndBlock();
                return new Scoped(body, SeesOnlyGlobals: false, offset);
            case "print":
                List<Statement> prints = [];
                do prints.Add(new Print(ParseExpression(), offset));
                while (TakeOperator(","));
                EndTag();
                return new If([(new Constant(TemplateValue.True, offset), prints)], [], offset);
            case "break" or "continue":
                if (_loops == 0) throw new SyntaxFault($"'{word.Text}' stands outside of a loop.", offset);
                EndTag();
                return new LoopControl(word.Text == "break", offset);
            case "include" or "import" or "from" or "extends":
                throw new SyntaxFault($"'{word.Text}' is not available: a chat template stands alone.", offset);
            default:
                throw new SyntaxFault($"'{word.Text}' is not a tag that begins here.", offset);
        }
    }

    If ParseIf(int offset)
    {
        List<(Expression, IReadOnlyList<Statement>)> branches = [];
        IReadOnlyList<Statement> otherwise = [];
        while (true)
        {
            Expression condition = ParseTuple(allowsConditional: false);
            EndTag();
            branches.Add((condition, ParseBody("elif", "else", "endif")));
            Advance();
            string word = Advance().Text;
            if (word == "elif") continue;
            EndTag();
            if (word == "else")
            {
                otherwise = ParseBody("endif");
                EndBlock();
            }

            return new(branches, otherwise, offset);
        }
    }

    For ParseFor(int offset)
    {
        Target target = ParseTarget(allowsMember: false);
        if (!TakeName("in")) throw Unexpected("'in'");
        Expression items = ParseTuple(allowsConditional: false, endsHere: () => Current.IsName("recursive"));
        Expression? condition = TakeName("if") ? ParseExpression() : null;
        bool isRecursive = TakeName("recursive");
        EndTag();
        _loops++;
        List<Statement> body = ParseBody("endfor", "else");
        _loops--;
        IReadOnlyList<Statement> otherwise = [];
        if (Next.Text == "else")
        {
            EndBlock();
            otherwise = ParseBody("endfor");
        }

        EndBlock();
        return new(target, items, condition, body, otherwise, isRecursive, offset);
    }

    Statement ParseSet(int offset)
    {
        Target target = ParseTarget(allowsMember: true);
        if (TakeOperator("="))
        {
            Expression value = ParseTuple();
            EndTag();
            return new Set(target, value, offset);
        }

        FilterCall? filter = null;
        if (TakeOperator("|")) filter = ParseFilters(ParseFilter(null));
        EndTag();
        List<Statement> body = ParseBody("endset");
        EndBlock();
        return new SetBlock(target, filter, body, offset);
    }

    Target ParseTarget(bool allowsMember)
    {
        int offset = Current.Offset;
        List<Target> items = [];
        bool isTuple = false;
        while (true)
        {
            if (Current.IsOperator("("))
            {
                Advance();
                Enter();
                items.Add(ParseTarget(allowsMember));
                Leave();
                ExpectOperator(")");
            }
            else
            {
                Token name = ExpectName();
                if (name.Text is "true" or "True" or "false" or "False" or "none" or "None")
                {
                    throw new SyntaxFault($"'{name.Text}' cannot be assigned to.", name.Offset);
                }

                if (allowsMember && TakeOperator(".")) items.Add(new MemberTarget(name.Text, ExpectName().Text, name.Offset));
                else items.Add(new NameTarget(name.Text, name.Offset));
            }

            if (!TakeOperator(",")) break;
            isTuple = true;
            if (Current.Kind != TokenKind.Name && !Current.IsOperator("(")) break;
            if (!allowsMember && Current.IsName("in") && !Next.IsName("in")) break;
        }

        return isTuple ? new TupleTarget(items, offset) : items[0];
    }

    MacroDefinition ParseMacro(int offset)
    {
        string name = ExpectName().Text;
        NamesRead.Add(new(StringComparer.Ordinal));
        var parameters = ParseParameters();
        EndTag();
        return ParseMacroBody(name, parameters, "endmacro", offset);
    }

    MacroDefinition ParseMacroBody(string name, List<(string Name, Expression? Default)> parameters, string end, int offset)
    {
        int loops = _loops;
        _loops = 0;
        List<Statement> body = ParseBody(end);
        _loops = loops;
        Advance();
        Advance();
        if (Current.Kind == TokenKind.Name) Advance();
        EndTag();
        HashSet<string> names = NamesRead[^1];
        NamesRead.RemoveAt(NamesRead.Count - 1);
        NamesRead[^1].UnionWith(names);
        return new(name, parameters, names.Contains("varargs"), names.Contains("kwargs"), names.Contains("caller"), body, offset);
    }

    List<(string Name, Expression? Default)> ParseParameters()
    {
        List<(string, Expression?)> parameters = [];
        ExpectOperator("(");
        bool hasDefaults = false;
        while (!Current.IsOperator(")"))
        {
            if (parameters.Count > 0) ExpectOperator(",");
            if (Current.IsOperator(")")) break;
            Token name = ExpectName();
            Expression? value = TakeOperator("=") ? ParseExpression() : null;
            if (value is null && hasDefaults) throw new SyntaxFault($"The parameter '{name.Text}' needs a default too.", name.Offset);
            hasDefaults |= value is not null;
            parameters.Add((name.Text, value));
        }

        ExpectOperator(")");
        return parameters;
    }

    CallBlock ParseCall(int offset)
    {
        NamesRead.Add(new(StringComparer.Ordinal));
        var parameters = Current.IsOperator("(") ? ParseParameters() : [];
        if (ParseExpression() is not Call call) throw new SyntaxFault("A call block needs a call, such as name(argument).", offset);
        EndTag();
        return new(ParseMacroBody("caller", parameters, "endcall", offset), call, offset);
    }

    FilterBlock ParseFilterBlock(int offset)
    {
        FilterCall filter = ParseFilters(ParseFilter(null));
        EndTag();
        List<Statement> body = ParseBody("endfilter");
        EndBlock();
        return new(filter, body, offset);
    }

    With ParseWith(int offset)
    {
        List<(Target, Expression)> bindings = [];
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (bindings.Count > 0) ExpectOperator(",");
            Target target = ParseTarget(allowsMember: false);
            ExpectOperator("=");
            bindings.Add((target, ParseExpression()));
        }

        EndTag();
        List<Statement> body = ParseBody("endwith");
        EndBlock();
        return new(bindings, body, offset);
    }

    Scoped ParseNamedBlock(int offset)
    {
        ExpectName();
        bool seesLocals = TakeName("scoped");
        TakeName("required");
        EndTag();
        List<Statement> body = ParseBody("endblock");
        Advance();
        Advance();
        if (Current.Kind == TokenKind.Name) Advance();
        EndTag();
        return new(body, SeesOnlyGlobals: !seesLocals, offset);
    }
}
