namespace OpenAutoGlm.Models.Templates;

enum TokenKind
{
    Data,
    BlockBegin,
    BlockEnd,
    ExpressionBegin,
    ExpressionEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>A piece of the source. Text holds a name, an operator, a number's digits, or a string without quotes and escapes.</summary>
readonly record struct Token(TokenKind Kind, string Text, int Offset)
{
    public bool IsOperator(string text) => Kind == TokenKind.Operator && Text == text;

    public bool IsName(string text) => Kind == TokenKind.Name && Text == text;

    public override string ToString() => Kind switch
    {
        TokenKind.Data => "text outside of tags",
        TokenKind.BlockEnd => "'%}'",
        TokenKind.ExpressionEnd => "'}}'",
        TokenKind.End => "the end of the template",
        _ => $"'{(Text.Length > 40 ? Text[..40] + "…" : Text)}'",
    };
}

/// <summary>A failure in the source, before its offset is turned into line and column.</summary>
sealed class SyntaxFault(string reason, int offset, TemplateError error = TemplateError.Syntax) : Exception(reason)
{
    public int Offset { get; } = offset;

    public TemplateError Error { get; } = error;
}
