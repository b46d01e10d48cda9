namespace OpenAutoGlm.Engine.Generation;

/// <summary>Whether a model may, must or must not call the tools of its conversation.</summary>
public sealed record ToolChoice
{
    ToolChoice(bool isRequired, bool isForbidden, string? name) => (IsRequired, IsForbidden, Name) = (isRequired, isForbidden, name);

    /// <summary>The model decides.</summary>
    public static ToolChoice Auto { get; } = new(false, false, null);

    /// <summary>The answer is text, whatever tools there are.</summary>
    public static ToolChoice None { get; } = new(false, true, null);

    /// <summary>The answer is a call of any tool.</summary>
    public static ToolChoice Required { get; } = new(true, false, null);

    /// <summary>Whether the answer is a call.</summary>
    public bool IsRequired { get; }

    /// <summary>Whether no tool may be called.</summary>
    public bool IsForbidden { get; }

    /// <summary>The only tool that may be called; null for any.</summary>
    public string? Name { get; }

    /// <summary>The answer is a call of this tool.</summary>
    public static ToolChoice Named(string name) => new(true, false, name);
}
