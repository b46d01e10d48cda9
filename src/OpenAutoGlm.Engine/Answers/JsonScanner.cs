namespace OpenAutoGlm.Engine.Answers;

/// <summary>
/// Finds where an object or array of JSON ends, whatever stands in its strings. It looks at brackets and strings only:
/// whether what it found is JSON is for a parser to say.
/// </summary>
sealed class JsonScanner
{
    const int MaxDepth = 128;

    readonly Stack<char> _open = new();
    bool _inString;
    bool _escaped;

    /// <summary>Whether a string is open.</summary>
    public bool InString => _inString;

    /// <summary>How many brackets are open.</summary>
    public int Depth => _open.Count;

    /// <summary>Takes a character; the first one must open the value.</summary>
    public CallProgress Push(char next)
    {
        if (_inString)
        {
            bool ends = next == '"' && !_escaped;
            _escaped = next == '\\' && !_escaped;
            _inString = !ends;
            return CallProgress.More;
        }

        switch (next)
        {
            case '{' or '[' when _open.Count < MaxDepth:
                _open.Push(next == '{' ? '}' : ']');
                return CallProgress.More;
            case '}' or ']' when _open.TryPeek(out char wanted) && wanted == next:
                _open.Pop();
                return _open.Count == 0 ? CallProgress.Complete : CallProgress.More;
            case '"' when _open.Count > 0:
                _inString = true;
                return CallProgress.More;
            case ',' or ':' or '.' or '+' or '-' when _open.Count > 0:
                return CallProgress.More;
            default:
                return _open.Count > 0 && (char.IsAsciiLetterOrDigit(next) || next is ' ' or '\n' or '\r' or '\t') ? CallProgress.More : CallProgress.Failed;
        }
    }
}
