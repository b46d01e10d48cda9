using System.Globalization;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>
/// A constraint that cannot be honoured exactly, and is therefore refused: where in it, why, and what to do about it.
/// Output is never produced under a constraint that was only half understood.
/// </summary>
public sealed class ConstraintException : Exception
{
    ConstraintException(string where, string reason, string remedy, string? pointer, int? position, Exception? inner = null)
        : base($"{where}: {reason} {remedy}".TrimEnd(), inner) =>
        (Pointer, Position, Reason, Remedy) = (pointer, position, reason, remedy);

    /// <summary>JSON pointer into the schema ("" is its root); null for constraints that are no schemas.</summary>
    public string? Pointer { get; }

    /// <summary>Place in the pattern or grammar, in UTF-16 units from 0; null where there is none.</summary>
    public int? Position { get; }

    /// <summary>What cannot be honoured, in a sentence.</summary>
    public string Reason { get; }

    /// <summary>What the author can do, in a sentence; may be empty.</summary>
    public string Remedy { get; }

    internal static ConstraintException Schema(string pointer, string reason, string remedy = "", Exception? inner = null) =>
        new($"Schema at '{Clip(pointer)}'", reason, remedy, pointer, (inner as ConstraintException)?.Position, inner);

    internal static ConstraintException Text(string what, int position, string reason, string remedy = "") =>
        new(string.Create(CultureInfo.InvariantCulture, $"{what} at character {position}"), reason, remedy, null, position);

    internal static ConstraintException Whole(string what, string reason, string remedy = "") => new(what, reason, remedy, null, null);

    /// <summary>Text of the author's, short enough for a message and without characters that would break a line of a log.</summary>
    internal static string Clip(string text)
    {
        const int Longest = 120;
        string shown = text.Length <= Longest ? text : string.Concat(text.AsSpan(0, Longest - (char.IsHighSurrogate(text[Longest - 1]) ? 1 : 0)), "…");
        return string.Concat(shown.Select(character => char.IsControl(character) ? $"\\u{(int)character:x4}" : character.ToString()));
    }
}
