using System.Globalization;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Patterns;

/// <summary>
/// Reads ECMA-262 regular expressions (with the u flag's classes): alternatives, groups, classes, repeats, ^ and $. What
/// is not regular (backreferences) or not supported (look-around, \b) is refused by name. Recursive descent with a depth
/// limit.
/// </summary>
sealed class PatternParser
{
    const int MaxDepth = 200;
    const int MaxLength = 20_000;
    const int MaxCount = 10_000;

    readonly string _text;
    int _at;
    int _depth;

    PatternParser(string text) => _text = text;

    bool AtEnd => _at >= _text.Length;

    char Current => _text[_at];

    /// <exception cref="ConstraintException">The pattern is wrong, or beyond what is supported.</exception>
    public static Pattern Parse(string text)
    {
        PatternParser parser = new(text);
        if (text.Length > MaxLength)
        {
            throw parser.Refuse(0, $"it has {text.Length} characters, and {MaxLength} are the limit.", "Shorten it.");
        }

        Pattern tree = parser.Alternatives();
        return parser.AtEnd ? tree : throw parser.Refuse(parser._at, "there is a ) without its (.", "Write \\) for the character itself.");
    }

    Pattern Alternatives()
    {
        if (++_depth > MaxDepth)
        {
            throw Refuse(_at, $"its groups are nested more than {MaxDepth} deep.", "Flatten it.");
        }

        List<Pattern> options = [Sequence()];
        while (!AtEnd && Current == '|')
        {
            _at++;
            options.Add(Sequence());
        }

        _depth--;
        return options.Count == 1 ? options[0] : new Pattern.Choice(options);
    }

    Pattern Sequence()
    {
        List<Pattern> parts = [];
        while (!AtEnd && Current is not '|' and not ')')
        {
            parts.Add(Repeated());
        }

        return parts.Count == 1 ? parts[0] : new Pattern.Sequence(parts);
    }

    Pattern Repeated()
    {
        int start = _at;
        Pattern body = Atom();
        while (!AtEnd && TryCount(out int least, out int most))
        {
            if (body is Pattern.Beginning or Pattern.End)
            {
                throw Refuse(start, "an anchor cannot be repeated.", "Remove the repeat after ^ or $.");
            }

            // Whether as much or as little as possible is tried first makes no difference to what matches.
            if (!AtEnd && Current == '?')
            {
                _at++;
            }

            body = new Pattern.Repeat(body, least, most);
        }

        return body;
    }

    bool TryCount(out int least, out int most)
    {
        (least, most) = (0, -1);
        switch (Current)
        {
            case '*':
                _at++;
                return true;
            case '+':
                _at++;
                least = 1;
                return true;
            case '?':
                _at++;
                most = 1;
                return true;
            case '{':
                return TryBraces(out least, out most);
            default:
                return false;
        }
    }

    bool TryBraces(out int least, out int most)
    {
        (least, most) = (0, -1);
        int end = _text.IndexOf('}', _at);
        string[] parts = end < 0 ? [] : _text[(_at + 1)..end].Split(',');
        bool isCount = parts.Length is 1 or 2
            && IsNumber(parts[0]) && (parts.Length == 1 || parts[1].Length == 0 || IsNumber(parts[1]));
        if (!isCount)
        {
            return false; // A brace that counts nothing stands for itself.
        }

        least = Count(parts[0]);
        most = parts.Length == 1 ? least : parts[1].Length == 0 ? -1 : Count(parts[1]);
        if (most >= 0 && most < least)
        {
            throw Refuse(_at, $"the repeat {{{least},{most}}} has its numbers the wrong way round.", "Put the smaller first.");
        }

        _at = end + 1;
        return true;
    }

    static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    int Count(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= MaxCount
        ? value
        : throw Refuse(_at, $"the repeat count {text} is over the limit of {MaxCount}.", "Lower it.");

    Pattern Atom()
    {
        int start = _at;
        char character = _text[_at++];
        switch (character)
        {
            case '^':
                return new Pattern.Beginning();
            case '$':
                return new Pattern.End();
            case '.':
                return new Pattern.Characters(CodePointSet.Dot);
            case '(':
                return Group(start);
            case '[':
                return new Pattern.Characters(Class(start));
            case '\\':
                return new Pattern.Characters(Escape(start, inClass: false));
            case '*' or '+' or '?':
                throw Refuse(start, $"there is nothing to repeat before {character}.", $"Write \\{character} for the character itself.");
            default:
                _at = start;
                return new Pattern.Characters(CodePointSet.Single(CodePoint()));
        }
    }

    Pattern Group(int start)
    {
        if (!AtEnd && Current == '?')
        {
            string rest = _text[_at..];
            if (rest.StartsWith("?:", StringComparison.Ordinal))
            {
                _at += 2;
            }
            else if (rest.StartsWith("?=", StringComparison.Ordinal) || rest.StartsWith("?!", StringComparison.Ordinal))
            {
                throw Refuse(start, "look-ahead is not supported.", "Spell out what may stand there, or use allOf with several patterns.");
            }
            else if (rest.StartsWith("?<=", StringComparison.Ordinal) || rest.StartsWith("?<!", StringComparison.Ordinal))
            {
                throw Refuse(start, "look-behind is not supported.", "Spell out what may stand there.");
            }
            else if ((rest.StartsWith("?<", StringComparison.Ordinal) || rest.StartsWith("?P<", StringComparison.Ordinal)) && _text.IndexOf('>', _at) is > 0 and int end)
            {
                _at = end + 1;
            }
            else
            {
                throw Refuse(start, "this kind of group is not supported.", "Use ( ), (?: ) or (?<name> ).");
            }
        }

        Pattern body = Alternatives();
        if (AtEnd)
        {
            throw Refuse(start, "there is a ( without its ).", "Write \\( for the character itself.");
        }

        _at++;

        // In a group an anchor may be repeated.
        return body is Pattern.Beginning or Pattern.End ? new Pattern.Sequence([body]) : body;
    }

    CodePointSet Class(int start)
    {
        bool negated = !AtEnd && Current == '^';
        _at += negated ? 1 : 0;
        List<(int Low, int High)> ranges = [];
        CodePointSet classes = CodePointSet.None;
        while (true)
        {
            if (AtEnd)
            {
                throw Refuse(start, "there is a [ without its ].", "Write \\[ for the character itself.");
            }

            if (Current == ']')
            {
                _at++;
                break;
            }

            int at = _at;
            (int first, CodePointSet? set) = Member();
            bool isRange = _at + 1 < _text.Length && Current == '-' && _text[_at + 1] != ']';
            if (set is not null)
            {
                classes = classes.Union(set);
                continue;
            }

            int last = first;
            if (isRange)
            {
                int dash = _at++;
                (last, CodePointSet? right) = Member();
                if (right is not null)
                {
                    // A class cannot end a range: the dash stands for itself.
                    classes = classes.Union(right).Union(CodePointSet.Single('-'));
                    last = first;
                }
                else if (last < first)
                {
                    throw Refuse(at, $"the range {_text[at.._at]} ends before it begins.", $"Turn it round, or write \\- for the dash at character {dash}.");
                }
            }

            ranges.Add((first, last));
        }

        CodePointSet all = CodePointSet.Of([.. ranges]).Union(classes);
        return negated ? all.Negate() : all;
    }

    (int CodePoint, CodePointSet? Set) Member()
    {
        int start = _at;
        if (Current != '\\')
        {
            return (CodePoint(), null);
        }

        _at++;
        CodePointSet set = Escape(start, inClass: true);
        return set.Ranges is [(int low, int high)] && low == high ? (low, null) : (0, set);
    }

    CodePointSet Escape(int start, bool inClass)
    {
        if (AtEnd)
        {
            throw Refuse(start, "it ends in a single backslash.", "Write \\\\ for the character itself.");
        }

        char character = _text[_at++];
        switch (character)
        {
            case 'd':
                return CodePointSet.Digits;
            case 'D':
                return CodePointSet.Digits.Negate();
            case 'w':
                return CodePointSet.WordCharacters;
            case 'W':
                return CodePointSet.WordCharacters.Negate();
            case 's':
                return CodePointSet.WhiteSpace;
            case 'S':
                return CodePointSet.WhiteSpace.Negate();
            case 'p' or 'P':
                return Category(start, negated: character == 'P');
            case 't':
                return CodePointSet.Single('\t');
            case 'n':
                return CodePointSet.Single('\n');
            case 'r':
                return CodePointSet.Single('\r');
            case 'f':
                return CodePointSet.Single('\f');
            case 'v':
                return CodePointSet.Single('\v');
            case 'b' when inClass:
                return CodePointSet.Single('\b');
            case 'b' or 'B':
                throw Refuse(start, $"the word boundary \\{character} is not supported.", "Spell out what may stand beside the word.");
            case '0' when AtEnd || !char.IsAsciiDigit(Current):
                return CodePointSet.Single(0);
            case >= '1' and <= '9' when !inClass:
                throw Refuse(start, $"the backreference \\{character} is not regular and cannot be honoured.", "Repeat the group's own pattern.");
            case 'k' when !AtEnd && Current == '<':
                throw Refuse(start, "a named backreference is not regular and cannot be honoured.", "Repeat the group's own pattern.");
            case 'c' when !AtEnd && char.IsAsciiLetter(Current):
                return CodePointSet.Single(_text[_at++] % 32);
            case 'x':
                return CodePointSet.Single(Hexadecimal(start, 2));
            case 'u':
                return Unicode(start);
            case >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9':
                throw Refuse(start, $"there is no escape \\{character}.", $"Write {character} for the character itself.");
            default:
                _at--;
                return CodePointSet.Single(CodePoint());
        }
    }

    CodePointSet Category(int start, bool negated)
    {
        int end = !AtEnd && Current == '{' ? _text.IndexOf('}', _at) : -1;
        if (end < 0)
        {
            throw Refuse(start, "\\p needs a property in braces.", "Write \\p{L}, for example.");
        }

        string name = _text[(_at + 1)..end];
        CodePointSet set = CodePointSet.Category(name) ?? (name is "ASCII" ? CodePointSet.Of((0, 127)) : null)
            ?? throw Refuse(start, $"the property {ConstraintException.Clip(name)} is not supported.", "General categories are, such as L, Lu or Nd.");
        _at = end + 1;
        return negated ? set.Negate() : set;
    }

    CodePointSet Unicode(int start)
    {
        if (!AtEnd && Current == '{')
        {
            int end = _text.IndexOf('}', _at);
            bool isNumber = int.TryParse(end < 0 ? "" : _text.AsSpan(_at + 1, end - _at - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int codePoint);
            if (!isNumber || codePoint is < 0 or > CodePointSet.Last)
            {
                throw Refuse(start, "\\u{…} needs a code point of at most 10FFFF in hexadecimal.");
            }

            _at = end + 1;
            return CodePointSet.Single(codePoint);
        }

        int unit = Hexadecimal(start, 4);
        if (char.IsHighSurrogate((char)unit) && _at + 1 < _text.Length && Current == '\\' && _text[_at + 1] == 'u')
        {
            _at += 2;
            int low = Hexadecimal(start, 4);
            return char.IsLowSurrogate((char)low)
                ? CodePointSet.Single(char.ConvertToUtf32((char)unit, (char)low))
                : throw Refuse(start, "half a surrogate pair is no character.");
        }

        return char.IsSurrogate((char)unit) ? throw Refuse(start, "half a surrogate pair is no character.") : CodePointSet.Single(unit);
    }

    int Hexadecimal(int start, int digits)
    {
        if (_at + digits > _text.Length || !int.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
        {
            throw Refuse(start, $"\\{_text[start + 1]} needs {digits} hexadecimal digits.");
        }

        _at += digits;
        return value;
    }

    int CodePoint()
    {
        int codePoint = char.IsSurrogate(Current) && (_at + 1 >= _text.Length || !char.IsSurrogatePair(Current, _text[_at + 1]))
            ? throw Refuse(_at, "half a surrogate pair is no character.")
            : char.ConvertToUtf32(_text, _at);
        _at += codePoint > 0xFFFF ? 2 : 1;
        return codePoint;
    }

    ConstraintException Refuse(int position, string reason, string remedy = "") =>
        ConstraintException.Text("Regular expression", position, reason, remedy);
}
