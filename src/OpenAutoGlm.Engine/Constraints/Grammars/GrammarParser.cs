using System.Globalization;
using System.Text;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Patterns;

namespace OpenAutoGlm.Engine.Constraints.Grammars;

/// <summary>A rule's body, or a part of one.</summary>
abstract record GrammarTerm
{
    /// <summary>Something that needs no rule: a literal, a class, a regular expression.</summary>
    internal sealed record Regular(Pattern Pattern) : GrammarTerm;

    /// <summary>Another rule.</summary>
    internal sealed record Call(string Rule, int Position) : GrammarTerm;

    /// <summary>One after the other.</summary>
    internal sealed record Sequence(IReadOnlyList<GrammarTerm> Parts) : GrammarTerm;

    /// <summary>One of several.</summary>
    internal sealed record Choice(IReadOnlyList<GrammarTerm> Options) : GrammarTerm;

    /// <summary>Several times; Most is −1 where there is no limit.</summary>
    internal sealed record Repeat(GrammarTerm Body, int Least, int Most) : GrammarTerm;
}

/// <summary>
/// Reads grammars in the dialect of llama.cpp's GBNF: <c>name ::= body</c>, alternatives with |, groups in ( ), literals in
/// double quotes, classes in [ ], the dot for any character, repeats * + ? {n} {n,} {n,m}, comments from # to the end of the
/// line, and the rule <c>root</c> as the beginning. Also taken: <c>name: body</c> and /regular expressions/ as Lark has them,
/// and <c>start</c> for root.
/// </summary>
sealed class GrammarParser
{
    const int MaxLength = 200_000;
    const int MaxDepth = 100;
    const int MaxCount = 10_000;

    readonly string _text;
    readonly Dictionary<string, (GrammarTerm Body, int Position)> _rules = [];
    int _at;
    int _depth;

    GrammarParser(string text) => _text = text;

    bool AtEnd => _at >= _text.Length;

    /// <summary>The rules by name. Every rule that is called is there, and so is root.</summary>
    /// <exception cref="ConstraintException">The grammar is wrong.</exception>
    public static (IReadOnlyDictionary<string, (GrammarTerm Body, int Position)> Rules, string Root) Parse(string text)
    {
        GrammarParser parser = new(text);
        if (text.Length > MaxLength)
        {
            throw parser.Refuse(0, $"it has {text.Length} characters, and {MaxLength} are the limit.");
        }

        parser.Rules();
        string root = parser._rules.ContainsKey("root") ? "root" : "start";
        return parser._rules.ContainsKey(root)
            ? (parser._rules, root)
            : throw parser.Refuse(0, "there is no rule named root.", "Name the first rule root.");
    }

    void Rules()
    {
        SkipSpace(overLines: true);
        while (!AtEnd)
        {
            int position = _at;
            string name = Name();
            SkipSpace(overLines: false);
            if (_text.AsSpan(_at).StartsWith("::="))
            {
                _at += 3;
            }
            else if (!AtEnd && _text[_at] is ':' or '=')
            {
                _at++;
            }
            else
            {
                throw Refuse(_at, $"::= was expected after the rule's name {name}.");
            }

            SkipSpace(overLines: true);
            GrammarTerm body = Alternatives();
            if (!_rules.TryAdd(name, (body, position)))
            {
                throw Refuse(position, $"the rule {name} is there twice.", "Join the two with |.");
            }

            SkipSpace(overLines: true);
        }
    }

    GrammarTerm Alternatives()
    {
        if (++_depth > MaxDepth)
        {
            throw Refuse(_at, $"its groups are nested more than {MaxDepth} deep.", "Make rules of them.");
        }

        List<GrammarTerm> options = [Sequence()];
        while (Peek() == '|')
        {
            _at++;
            SkipSpace(overLines: true);
            options.Add(Sequence());
        }

        _depth--;
        return options.Count == 1 ? options[0] : new GrammarTerm.Choice(options);
    }

    /// <summary>The next character, past line ends where a body goes on after them.</summary>
    char Peek()
    {
        SkipSpace(overLines: _depth > 1);
        if (!AtEnd && _text[_at] is '\n' or '\r')
        {
            int line = _at;
            SkipSpace(overLines: true);
            if (AtEnd || _text[_at] != '|')
            {
                _at = line;
            }
        }

        return AtEnd ? '\0' : _text[_at];
    }

    GrammarTerm Sequence()
    {
        List<GrammarTerm> parts = [];
        while (Peek() is not ('\0' or '|' or ')' or '\n' or '\r'))
        {
            parts.Add(Repeated());
        }

        return parts.Count == 1 ? parts[0] : new GrammarTerm.Sequence(parts);
    }

    GrammarTerm Repeated()
    {
        GrammarTerm term = Atom();
        while (!AtEnd)
        {
            (int Least, int Most)? count = _text[_at] switch
            {
                '*' => (0, -1),
                '+' => (1, -1),
                '?' => (0, 1),
                '{' => Braces(),
                _ => null,
            };
            if (count is null)
            {
                break;
            }

            _at++;
            term = new GrammarTerm.Repeat(term, count.Value.Least, count.Value.Most);
        }

        return term;
    }

    /// <summary>Reads {n}, {n,} or {n,m} up to its closing brace.</summary>
    (int Least, int Most) Braces()
    {
        int start = _at;
        int end = _text.IndexOf('}', _at);
        string[] parts = end < 0 ? [] : _text[(_at + 1)..end].Split(',', StringSplitOptions.TrimEntries);
        int most = -1;
        bool isCount = parts.Length is 1 or 2
            & int.TryParse(parts.ElementAtOrDefault(0) is "" && parts.Length == 2 ? "0" : parts.ElementAtOrDefault(0), NumberStyles.None, CultureInfo.InvariantCulture, out int least)
            && (parts.Length == 1 || parts[1].Length == 0 || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out most));
        most = parts.Length == 1 ? least : most;
        if (!isCount || least > MaxCount || most > MaxCount || (most >= 0 && most < least))
        {
            throw Refuse(start, $"a repeat is {{n}}, {{n,}} or {{n,m}} with numbers that rise and are {MaxCount} at most.");
        }

        _at = end;
        return (least, most);
    }

    GrammarTerm Atom()
    {
        int start = _at;
        switch (_text[_at])
        {
            case '(':
                _at++;
                SkipSpace(overLines: true);
                GrammarTerm body = Alternatives();
                if (Peek() != ')')
                {
                    throw Refuse(start, "there is a ( without its ).");
                }

                _at++;
                return body;
            case '"':
                return new GrammarTerm.Regular(Literal(start));
            case '[':
                return new GrammarTerm.Regular(Embedded(start, ClassEnd(start)));
            case '/':
                int end = RegexEnd(start);
                GrammarTerm.Regular expression = new(Embedded(start + 1, end));
                _at = end + 1;
                return expression;
            case '.':
                _at++;
                return new GrammarTerm.Regular(new Pattern.Characters(CodePointSet.All));
            default:
                return new GrammarTerm.Call(Name(), start);
        }
    }

    /// <summary>Reads a part of the text as a regular expression.</summary>
    Pattern Embedded(int start, int end)
    {
        try
        {
            Pattern pattern = PatternParser.Parse(_text[start..end]);
            _at = end;
            return pattern;
        }
        catch (ConstraintException error)
        {
            throw Refuse(start + (error.Position ?? 0), error.Reason, error.Remedy);
        }
    }

    int ClassEnd(int start)
    {
        for (int i = start + 1; i < _text.Length && _text[i] != '\n'; i++)
        {
            if (_text[i] == '\\')
            {
                i++;
            }
            else if (_text[i] == ']' && i > start + 1 + (_text[start + 1] == '^' ? 1 : 0))
            {
                return i + 1;
            }
        }

        throw Refuse(start, "there is a [ without its ].");
    }

    int RegexEnd(int start)
    {
        bool inClass = false;
        for (int i = start + 1; i < _text.Length && _text[i] != '\n'; i++)
        {
            switch (_text[i])
            {
                case '\\':
                    i++;
                    break;
                case '[':
                    inClass = true;
                    break;
                case ']':
                    inClass = false;
                    break;
                case '/' when !inClass:
                    return i;
            }
        }

        throw Refuse(start, "there is a / without the / that ends the regular expression.");
    }

    Pattern Literal(int start)
    {
        List<Pattern> characters = [];
        _at++;
        while (true)
        {
            if (AtEnd || _text[_at] is '\n' or '\r')
            {
                throw Refuse(start, "there is a \" without the other.", "Write \\n for a line end.");
            }

            if (_text[_at] == '"')
            {
                _at++;
                return characters.Count == 0 ? new Pattern.Empty() : new Pattern.Sequence(characters);
            }

            characters.Add(new Pattern.Characters(CodePointSet.Single(_text[_at] == '\\' ? Escape() : CodePoint())));
        }
    }

    int Escape()
    {
        int start = _at++;
        char kind = AtEnd ? '\0' : _text[_at++];
        return kind switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'b' => '\b',
            '0' => '\0',
            'x' => Hexadecimal(start, 2),
            'u' => Hexadecimal(start, 4),
            'U' => Hexadecimal(start, 8),
            '"' or '\\' or '/' or '[' or ']' or '\'' or '-' => kind,
            _ => throw Refuse(start, $"there is no escape \\{kind}.", "There are \\n \\r \\t \\f \\b \\0 \\\" \\\\ \\xHH \\uHHHH \\UHHHHHHHH."),
        };
    }

    int Hexadecimal(int start, int digits)
    {
        bool isNumber = _at + digits <= _text.Length & int.TryParse(_text.AsSpan(_at, Math.Min(digits, _text.Length - _at)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value);
        if (!isNumber || !Rune.IsValid(value))
        {
            throw Refuse(start, $"{digits} hexadecimal digits of a character were expected.");
        }

        _at += digits;
        return value;
    }

    int CodePoint()
    {
        if (!Rune.TryGetRuneAt(_text, _at, out Rune rune))
        {
            throw Refuse(_at, "half a surrogate pair is no character.");
        }

        _at += rune.Utf16SequenceLength;
        return rune.Value;
    }

    string Name()
    {
        int start = _at;
        while (!AtEnd && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '-' or '_'))
        {
            _at++;
        }

        return _at > start ? _text[start.._at] : throw Refuse(start, $"a rule, a literal or a class was expected, not '{ConstraintException.Clip(_text[start..Math.Min(_text.Length, start + 1)])}'.");
    }

    void SkipSpace(bool overLines)
    {
        while (!AtEnd)
        {
            if (_text[_at] is ' ' or '\t' || (overLines && _text[_at] is '\n' or '\r'))
            {
                _at++;
            }
            else if (_text[_at] == '#' || _text.AsSpan(_at).StartsWith("//"))
            {
                while (!AtEnd && _text[_at] is not '\n' and not '\r')
                {
                    _at++;
                }
            }
            else
            {
                break;
            }
        }
    }

    ConstraintException Refuse(int position, string reason, string remedy = "") => ConstraintException.Text("Grammar", position, reason, remedy);
}
