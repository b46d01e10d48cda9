namespace OpenAutoGlm.Models.Templates;

/// <summary>What a template may cost. Templates come from model files and from clients, so each of these is a wall.</summary>
public sealed record TemplateLimits
{
    /// <summary>Limits that every published chat template stays far below.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>Characters of template source.</summary>
    public int SourceCharacters { get; init; } = 1 << 20;

    /// <summary>Levels of nesting in the source: brackets, operators and blocks together.</summary>
    public int Nesting { get; init; } = 200;

    /// <summary>Evaluated nodes, visited elements and scanned pieces of text (64 characters each) of one rendering.</summary>
    public long Steps { get; init; } = 20_000_000;

    /// <summary>Evaluations nested in each other, macro calls and recursive loops included.</summary>
    public int Depth { get; init; } = 2_000;

    /// <summary>Characters of the rendered text.</summary>
    public int OutputCharacters { get; init; } = 16 << 20;

    /// <summary>Characters of one string.</summary>
    public int StringCharacters { get; init; } = 16 << 20;

    /// <summary>Elements of one list or map.</summary>
    public int Elements { get; init; } = 1 << 20;

    /// <summary>Bytes of all values made during one rendering, whether still in use or not.</summary>
    public long ValueBytes { get; init; } = 256L << 20;

    /// <summary>Levels of lists and maps inside each other, in what is passed in and in what the template makes.</summary>
    public int ValueNesting { get; init; } = 200;
}
