namespace OpenAutoGlm.Models.Templates;

/// <summary>Why a template could not be parsed or rendered.</summary>
public enum TemplateError
{
    /// <summary>The source is not a valid template.</summary>
    Syntax,

    /// <summary>The template did something that its values do not allow, such as adding a number to a text.</summary>
    Evaluation,

    /// <summary>A limit of <see cref="TemplateLimits"/> was reached.</summary>
    Limit,

    /// <summary>The template itself refused its input by raise_exception: the request is at fault, not the template.</summary>
    Raised,
}

/// <summary>A template could not be parsed or rendered; says where in its source and why.</summary>
public sealed class TemplateException : Exception
{
    internal TemplateException(TemplateError error, string reason, string template, int line, int column, Exception? cause = null)
        : base($"{template}, line {line}, column {column}: {reason}", cause)
    {
        Error = error;
        Reason = reason;
        Template = template;
        Line = line;
        Column = column;
    }

    /// <summary>The kind of failure.</summary>
    public TemplateError Error { get; }

    /// <summary>The reason alone; for <see cref="TemplateError.Raised"/> the message of the template.</summary>
    public string Reason { get; }

    /// <summary>The name the template was parsed under.</summary>
    public string Template { get; }

    /// <summary>The line in the source, from 1.</summary>
    public int Line { get; }

    /// <summary>The column in the line, from 1.</summary>
    public int Column { get; }
}

/// <summary>A failure on its way to the place that knows where in the source it happened.</summary>
sealed class TemplateFault(TemplateError error, string reason) : Exception(reason)
{
    public TemplateError Error { get; } = error;

    public static TemplateFault Evaluation(string reason) => new(TemplateError.Evaluation, reason);

    public static TemplateFault Limit(string reason) => new(TemplateError.Limit, reason);
}
