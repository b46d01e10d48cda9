using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>
/// Cuts a template into tokens. Whitespace control is settled here: '-' takes all space beside a tag, a block tag alone
/// on its line takes its indentation and its newline (lstrip_blocks and trim_blocks), '+' keeps both.
/// </summary>
sealed class Lexer
{
    static readonly string[] Operators =
        ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    readonly string _source;
    readonly List<Token> _tokens = [];
    int _position;
    bool _atLineStart = true;

    Lexer(string source) => _source = source;

    /// <summary>The tokens of a source whose newlines are already '\n', ending with <see cref="TokenKind.End"/>.</summary>
    public static List<Token> Tokenize(string source)
    {
        Lexer lexer = new(source);
        lexer.ReadTemplate();
        lexer._tokens.Add(new(TokenKind.End, "", source.Length));
        return lexer._tokens;
    }

    /// <summary>Newlines as '\n', and without the one that ends the last line.</summary>
    public static string Normalize(string source)
    {
        string text = source.Contains('\r') ? source.Replace("\r\n", "\n").Replace('\r', '\n') : source;
        return text.EndsWith('\n') ? text[..^1] : text;
    }

    void ReadTemplate()
    {
        while (_position < _source.Length)
        {
            int start = FindTag(_position);
            if (start < 0)
            {
                AddData(_position, _source.Length);
                return;
            }

            char tag = _source[start + 1];
            int afterSign = start + 2;
            char sign = afterSign < _source.Length && _source[afterSign] is '-' or '+' ? _source[afterSign++] : '\0';
            AddData(_position, EndOfDataBefore(_position, start, sign, stripsIndentation: tag != '{'));
            _position = afterSign;
            _atLineStart = false;
            switch (tag)
            {
                case '#':
                    SkipComment(start);
                    break;
                case '{':
                    _tokens.Add(new(TokenKind.ExpressionBegin, "{{", start));
                    ReadTag("}}", TokenKind.ExpressionEnd, start);
                    break;
                default:
                    if (TryReadRawTag(start)) break;
                    _tokens.Add(new(TokenKind.BlockBegin, "{%", start));
                    ReadTag("%}", TokenKind.BlockEnd, start);
                    break;
            }
        }
    }

    int FindTag(int from)
    {
        for (int brace = _source.IndexOf('{', from); brace >= 0 && brace + 1 < _source.Length; brace = _source.IndexOf('{', brace + 1))
        {
            if (_source[brace + 1] is '{' or '%' or '#') return brace;
        }

        return -1;
    }

    void AddData(int start, int end)
    {
        if (end > start) _tokens.Add(new(TokenKind.Data, _source[start..end], start));
    }

    int EndOfDataBefore(int start, int tagStart, char sign, bool stripsIndentation)
    {
        int end = tagStart;
        if (sign == '-')
        {
            while (end > start && PythonText.IsSpace(_source[end - 1])) end--;
            return end;
        }

        if (sign == '+' || !stripsIndentation) return end;
        while (end > start && _source[end - 1] != '\n' && PythonText.IsSpace(_source[end - 1])) end--;
        bool aloneSoFar = end > start ? _source[end - 1] == '\n' : _atLineStart;
        return aloneSoFar ? end : tagStart;
    }

    void SkipComment(int start)
    {
        int end = _source.IndexOf("#}", _position, StringComparison.Ordinal);
        if (end < 0) throw new SyntaxFault("The comment that starts here has no end '#}'.", start);
        char sign = end > _position ? _source[end - 1] : '\0';
        _position = end + 2;
        SkipSpaceAfterTag(sign, trimsNewline: true);
    }

    void SkipSpaceAfterTag(char sign, bool trimsNewline)
    {
        if (sign == '-')
        {
            while (_position < _source.Length && PythonText.IsSpace(_source[_position])) _position++;
        }
        else if (trimsNewline && sign != '+' && _position < _source.Length && _source[_position] == '\n')
        {
            _position++;
        }

        _atLineStart = _source[_position - 1] == '\n';
    }

    bool TryReadRawTag(int start)
    {
        int position = _position;
        if (!TryReadWordTag("raw", ref position, out char sign)) return false;
        _position = position;
        SkipSpaceAfterTag(sign, trimsNewline: false);
        int dataStart = _position;
        for (int tag = _source.IndexOf("{%", _position, StringComparison.Ordinal); tag >= 0; tag = _source.IndexOf("{%", tag + 2, StringComparison.Ordinal))
        {
            position = tag + 2;
            char startSign = position < _source.Length && _source[position] is '-' or '+' ? _source[position++] : '\0';
            if (!TryReadWordTag("endraw", ref position, out sign)) continue;
            AddData(dataStart, EndOfDataBefore(dataStart, tag, startSign, stripsIndentation: true));
            _position = position;
            SkipSpaceAfterTag(sign, trimsNewline: true);
            return true;
        }

        throw new SyntaxFault("The raw block that starts here has no '{% endraw %}'.", start);
    }

    bool TryReadWordTag(string word, ref int position, out char sign)
    {
        sign = '\0';
        while (position < _source.Length && PythonText.IsSpace(_source[position])) position++;
        if (string.CompareOrdinal(_source, position, word, 0, word.Length) != 0) return false;
        position += word.Length;
        while (position < _source.Length && PythonText.IsSpace(_source[position])) position++;
        if (position < _source.Length && _source[position] is '-' or '+') sign = _source[position++];
        if (string.CompareOrdinal(_source, position, "%}", 0, 2) != 0) return false;
        position += 2;
        return true;
    }

    void ReadTag(string end, TokenKind endKind, int tagStart)
    {
        Stack<char> open = new();
        while (true)
        {
            while (_position < _source.Length && PythonText.IsSpace(_source[_position])) _position++;
            if (_position >= _source.Length) throw new SyntaxFault($"The tag that starts here has no end '{end}'.", tagStart);
            if (open.Count == 0 && TryReadEnd(end, endKind)) return;
            char c = _source[_position];
            if (c is '"' or '\'') ReadText(c);
            else if (char.IsAsciiDigit(c)) ReadNumber();
            else if (c == '_' || char.IsLetter(c)) ReadName();
            else ReadOperator(open);
        }
    }

    bool TryReadEnd(string end, TokenKind kind)
    {
        int position = _position;
        bool isBlock = kind == TokenKind.BlockEnd;
        char sign = _source[position] == '-' || (isBlock && _source[position] == '+') ? _source[position++] : '\0';
        if (string.CompareOrdinal(_source, position, end, 0, 2) != 0) return false;
        _tokens.Add(new(kind, end, _position));
        _position = position + 2;
        SkipSpaceAfterTag(sign, trimsNewline: isBlock);
        return true;
    }

    void ReadName()
    {
        int start = _position;
        while (_position < _source.Length && (_source[_position] == '_' || char.IsLetterOrDigit(_source[_position]))) _position++;
        _tokens.Add(new(TokenKind.Name, _source[start.._position], start));
    }

    void ReadOperator(Stack<char> open)
    {
        string? text = Array.Find(Operators, text => string.CompareOrdinal(_source, _position, text, 0, text.Length) == 0)
            ?? throw new SyntaxFault($"The character '{_source[_position]}' does not belong here.", _position);
        switch (text)
        {
            case "(": open.Push(')'); break;
            case "[": open.Push(']'); break;
            case "{": open.Push('}'); break;
            case ")" or "]" or "}":
                if (open.Count == 0) throw new SyntaxFault($"'{text}' closes nothing.", _position);
                char expected = open.Pop();
                if (expected != text[0]) throw new SyntaxFault($"'{text}' was found where '{expected}' was expected.", _position);
                break;
        }

        _tokens.Add(new(TokenKind.Operator, text, _position));
        _position += text.Length;
    }

    void ReadNumber()
    {
        int start = _position;
        bool isAfterDot = start > 0 && _source[start - 1] == '.';
        if (_source[start] == '0' && start + 1 < _source.Length && char.ToLowerInvariant(_source[start + 1]) is 'x' or 'o' or 'b')
        {
            _position += 2;
            while (_position < _source.Length && (char.IsAsciiHexDigit(_source[_position]) || _source[_position] == '_')) _position++;
            _tokens.Add(new(TokenKind.Integer, _source[start.._position].Replace("_", ""), start));
            return;
        }

        SkipDigits();
        bool isFloat = false;
        if (!isAfterDot)
        {
            if (_position + 1 < _source.Length && _source[_position] == '.' && char.IsAsciiDigit(_source[_position + 1]))
            {
                isFloat = true;
                _position++;
                SkipDigits();
            }

            isFloat |= TrySkipExponent();
        }

        string digits = _source[start.._position].Replace("_", "");
        if (!isFloat && digits.Length > 1 && digits[0] == '0' && digits.AsSpan().ContainsAnyExcept('0'))
        {
            throw new SyntaxFault($"The number '{digits}' must not begin with 0.", start);
        }

        _tokens.Add(new(isFloat ? TokenKind.Float : TokenKind.Integer, digits, start));
    }

    void SkipDigits()
    {
        while (_position < _source.Length
            && (char.IsAsciiDigit(_source[_position])
                || (_source[_position] == '_' && _position + 1 < _source.Length && char.IsAsciiDigit(_source[_position + 1]))))
        {
            _position++;
        }
    }

    bool TrySkipExponent()
    {
        int position = _position;
        if (position >= _source.Length || _source[position] is not ('e' or 'E')) return false;
        position++;
        if (position < _source.Length && _source[position] is '+' or '-') position++;
        if (position >= _source.Length || !char.IsAsciiDigit(_source[position])) return false;
        _position = position;
        SkipDigits();
        return true;
    }

    void ReadText(char quote)
    {
        int start = _position++;
        StringBuilder text = new();
        while (true)
        {
            if (_position >= _source.Length) throw new SyntaxFault("The string that starts here is not closed.", start);
            char c = _source[_position++];
            if (c == quote) break;
            if (c == '\\') ReadEscape(text, start);
            else text.Append(c);
        }

        _tokens.Add(new(TokenKind.Text, text.ToString(), start));
    }

    void ReadEscape(StringBuilder text, int stringStart)
    {
        if (_position >= _source.Length) throw new SyntaxFault("The string that starts here is not closed.", stringStart);
        char c = _source[_position++];
        switch (c)
        {
            case '\n': break;
            case '\\' or '\'' or '"': text.Append(c); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'n': text.Append('\n'); break;
            case 'r': text.Append('\r'); break;
            case 't': text.Append('\t'); break;
            case 'v': text.Append('\v'); break;
            case 'x': AppendCharacter(text, ReadHexadecimal(2)); break;
            case 'u': AppendCharacter(text, ReadHexadecimal(4)); break;
            case 'U': AppendCharacter(text, ReadHexadecimal(8)); break;
            case >= '0' and <= '7':
                int value = c - '0';
                for (int i = 0; i < 2 && _position < _source.Length && _source[_position] is >= '0' and <= '7'; i++)
                {
                    value = (value * 8) + (_source[_position++] - '0');
                }

                text.Append((char)value);
                break;
            default: text.Append('\\').Append(c); break;
        }
    }

    int ReadHexadecimal(int digits)
    {
        if (_position + digits > _source.Length
            || !int.TryParse(_source.AsSpan(_position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            || value is < 0 or > 0x10FFFF)
        {
            throw new SyntaxFault($"An escape needs {digits} hexadecimal digits of a Unicode character.", _position - 2);
        }

        _position += digits;
        return value;
    }

    static void AppendCharacter(StringBuilder text, int value)
    {
        if (value > 0xFFFF) text.Append(char.ConvertFromUtf32(value));
        else text.Append((char)value);
    }
}
