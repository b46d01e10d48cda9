using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Patterns;

/// <summary>A regular expression as a tree.</summary>
abstract record Pattern
{
    /// <summary>The empty string.</summary>
    internal sealed record Empty : Pattern;

    /// <summary>One character of a set.</summary>
    internal sealed record Characters(CodePointSet Set) : Pattern;

    /// <summary>One after the other.</summary>
    internal sealed record Sequence(IReadOnlyList<Pattern> Parts) : Pattern;

    /// <summary>One of several.</summary>
    internal sealed record Choice(IReadOnlyList<Pattern> Options) : Pattern;

    /// <summary>Several times. Most is −1 where there is no limit.</summary>
    internal sealed record Repeat(Pattern Body, int Least, int Most) : Pattern;

    /// <summary>The beginning of the text, ^.</summary>
    internal sealed record Beginning : Pattern;

    /// <summary>The end of the text, $.</summary>
    internal sealed record End : Pattern;
}
