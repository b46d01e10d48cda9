namespace OpenAutoGlm.Engine;

/// <summary>Why a request was not accepted.</summary>
public enum RefusalReason
{
    /// <summary>A parameter has a value that it cannot have.</summary>
    InvalidParameter,

    /// <summary>There is nothing to continue.</summary>
    PromptEmpty,

    /// <summary>The prompt leaves no room in the context for one token: Value is its length, Limit the context's.</summary>
    PromptTooLong,

    /// <summary>Prompt and answer together exceed the context: Value is their length, Limit the context's.</summary>
    ContextExceeded,

    /// <summary>The sequence would never fit the key and value memory: Value is its tokens, Limit those of the memory.</summary>
    KvMemoryExceeded,

    /// <summary>
    /// The model's chat template refused the conversation or could not render it, or the model has none. The inner
    /// exception, where there is one, is the template's.
    /// </summary>
    TemplateRefused,

    /// <summary>A token id is no id of the vocabulary: Value is the id, Limit the size of the vocabulary.</summary>
    TokenOutOfVocabulary,

    /// <summary>Too many sequences are alive: Value is how many there would be, Limit how many there may be. Worth another try later.</summary>
    QueueFull,

    /// <summary>The engine is draining or stopped.</summary>
    ShuttingDown,
}

/// <summary>A request that was refused at once, before it took anything. The message carries names, values and limits.</summary>
public sealed class RequestRefusedException : Exception
{
    /// <summary>Says why.</summary>
    public RequestRefusedException(RefusalReason reason, string? parameter, string message, double? value = null, double? limit = null, Exception? inner = null)
        : base(message, inner)
    {
        Reason = reason;
        Parameter = parameter;
        Value = value;
        Limit = limit;
    }

    /// <summary>Why, for programs.</summary>
    public RefusalReason Reason { get; }

    /// <summary>
    /// The parameter at fault in the spelling of the field (temperature, top_p, max_tokens, prompt, …); null where none is.
    /// </summary>
    public string? Parameter { get; }

    /// <summary>The value at fault, where it is a number.</summary>
    public double? Value { get; }

    /// <summary>The limit that it broke, where there is one.</summary>
    public double? Limit { get; }
}
