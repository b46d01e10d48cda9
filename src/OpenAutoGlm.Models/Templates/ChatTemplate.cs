using System.Text.Json;

namespace OpenAutoGlm.Models.Templates;

/// <summary>
/// A Jinja template that turns a conversation into the text a model was trained on. It renders what Jinja 3.1 renders as
/// Hugging Face sets it up, but runs nothing, reads nothing and stays within its limits. Safe to share between threads.
/// </summary>
public sealed class ChatTemplate
{
    readonly string _source;
    readonly TemplateLimits _limits;
    readonly IReadOnlyList<Statement> _body;

    ChatTemplate(string name, string source, TemplateLimits limits, IReadOnlyList<Statement> body, IReadOnlySet<string> reads)
    {
        Name = name;
        Reads = reads;
        _source = source;
        _limits = limits;
        _body = body;
    }

    /// <summary>The name for messages, such as the path of the file.</summary>
    public string Name { get; }

    /// <summary>The template itself, to see how it writes what a model answers.</summary>
    public string Source => _source;

    /// <summary>Names that the template reads, to see whether it knows tools or enable_thinking.</summary>
    public IReadOnlySet<string> Reads { get; }

    /// <summary>Parses a template.</summary>
    /// <exception cref="TemplateException">The source is not a template, or is larger or deeper than the limits allow.</exception>
    public static ChatTemplate Parse(string source, string name = "chat_template", TemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= TemplateLimits.Default;
        if (source.Length > limits.SourceCharacters)
        {
            throw new TemplateException(TemplateError.Limit,
                $"The template has {source.Length} characters; at most {limits.SourceCharacters} are allowed.", name, 1, 1);
        }

        string normalized = Lexer.Normalize(source);
        try
        {
            (IReadOnlyList<Statement> body, IReadOnlySet<string> reads) = Parser.Parse(normalized, limits);
            return new(name, normalized, limits, body, reads);
        }
        catch (SyntaxFault fault)
        {
            throw Locate(fault.Error, fault.Message, name, normalized, fault.Offset, fault);
        }
    }

    /// <summary>Renders a conversation.</summary>
    /// <exception cref="TemplateException">
    /// The template refused the conversation (<see cref="TemplateError.Raised"/>), failed, or reached a limit.
    /// </exception>
    /// <exception cref="OperationCanceledException">The rendering was cancelled.</exception>
    public string Render(ChatTemplateInput input, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Render(input.Variables(), input.Time, cancellation);
    }

    /// <summary>Renders with these variables and no others.</summary>
    /// <exception cref="TemplateException">The template refused its input, failed, or reached a limit.</exception>
    /// <exception cref="OperationCanceledException">The rendering was cancelled.</exception>
    public string Render(IEnumerable<KeyValuePair<string, TemplateValue>> variables, TimeProvider time, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(variables);
        cancellation.ThrowIfCancellationRequested();
        Interpreter interpreter = new(new Budget(_limits, cancellation), time);
        Scope scope = new(null);
        foreach ((string name, TemplateValue value) in variables) scope.Set(name, value);
        try
        {
            return interpreter.Render(_body, scope);
        }
        catch (TemplateFault fault)
        {
            throw Locate(fault.Error, fault.Message, Name, _source, interpreter.Offset, fault);
        }
    }

    static TemplateException Locate(TemplateError error, string reason, string name, string source, int offset, Exception cause)
    {
        ReadOnlySpan<char> before = source.AsSpan(0, Math.Min(offset, source.Length));
        return new(error, reason, name, before.Count('\n') + 1, before.Length - (before.LastIndexOf('\n') + 1) + 1, cause);
    }
}

/// <summary>A conversation and what else a chat template may ask for.</summary>
public sealed record ChatTemplateInput
{
    /// <summary>The messages: a list of maps with role and content.</summary>
    public required TemplateValue Messages { get; init; }

    /// <summary>The tools the model may call, as the client sent them; null for none.</summary>
    public TemplateValue? Tools { get; init; }

    /// <summary>Documents to answer from; null for none.</summary>
    public TemplateValue? Documents { get; init; }

    /// <summary>Whether the text ends where the assistant's answer begins.</summary>
    public bool AddGenerationPrompt { get; init; } = true;

    /// <summary>The text of the token that begins a sequence; null where the model has none.</summary>
    public string? BosToken { get; init; }

    /// <summary>The text of the token that ends a sequence; null where the model has none.</summary>
    public string? EosToken { get; init; }

    /// <summary>Further variables, such as enable_thinking; they win over the ones above.</summary>
    public IReadOnlyDictionary<string, TemplateValue> Extra { get; init; } = new Dictionary<string, TemplateValue>();

    /// <summary>The clock and time zone of strftime_now.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>An input from the JSON of a request.</summary>
    public static ChatTemplateInput FromJson(JsonElement messages, JsonElement? tools = null) => new()
    {
        Messages = TemplateValue.FromJson(messages),
        Tools = tools is { } list ? TemplateValue.FromJson(list) : null,
    };

    internal IEnumerable<KeyValuePair<string, TemplateValue>> Variables()
    {
        yield return new("messages", Messages);
        yield return new("tools", Tools ?? TemplateValue.None);
        yield return new("documents", Documents ?? TemplateValue.None);
        yield return new("add_generation_prompt", AddGenerationPrompt);
        if (BosToken is not null) yield return new("bos_token", BosToken);
        if (EosToken is not null) yield return new("eos_token", EosToken);
        foreach (KeyValuePair<string, TemplateValue> variable in Extra) yield return variable;
    }
}
