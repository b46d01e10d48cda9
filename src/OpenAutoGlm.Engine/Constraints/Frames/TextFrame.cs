using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>
/// The inside of a JSON string: its characters as they stand or escaped (RFC 8259, §7). What comes out are the bytes of
/// the text in UTF-8; what they may be is the derived class's matter.
/// </summary>
/// <param name="pending">The beginning of an escape; empty outside of one.</param>
abstract class TextFrame(string pending) : Frame
{
    int? _free;

    /// <summary>The beginning of an escape; empty outside of one.</summary>
    internal string Pending => pending;

    /// <inheritdoc/>
    internal sealed override int FreeCharacters => pending.Length > 0 ? -1 : Free;

    /// <summary>What <see cref="FreeCharacters"/> would be outside of escapes.</summary>
    int Free => _free ??= CountFree();

    /// <summary>How many plain characters may follow, whichever they are; −1 where it depends on them.</summary>
    private protected abstract int CountFree();

    /// <summary>The frame after bytes of the text; null where they may not come.</summary>
    private protected abstract TextFrame? Advance(ReadOnlySpan<byte> bytes);

    /// <summary>The frame within an escape, or out of it.</summary>
    private protected abstract TextFrame WithPending(string pending);

    /// <summary>Whether any character from low to high may come.</summary>
    private protected abstract bool Allows(int low, int high);

    /// <summary>What the closing quote does.</summary>
    private protected abstract Edge Close();

    private protected override Edge Compute(byte value)
    {
        TextFrame? next;
        if (pending.Length > 0)
        {
            next = Escaped((char)value);
        }
        else if (value == '"')
        {
            return Close();
        }
        else if (value == '\\')
        {
            next = GoesOn() ? WithPending("\\") : null;
        }
        else
        {
            next = value < 0x20 ? null : Advance([value]);
        }

        return next is null ? Edge.Dead : Edge.Stay(next);
    }

    TextFrame? Escaped(char value)
    {
        string escape = pending + value;
        if (pending == "\\")
        {
            return value switch
            {
                '"' or '\\' or '/' => Complete(value),
                'b' => Complete('\b'),
                'f' => Complete('\f'),
                'n' => Complete('\n'),
                'r' => Complete('\r'),
                't' => Complete('\t'),
                'u' => WithPending(escape), // Every character can be spelled so, and one may come.
                _ => null,
            };
        }

        // \uXXXX, and after the first half of a pair \uXXXX\uXXXX.
        if (escape.Length is 7 or 8)
        {
            return value == (escape.Length == 7 ? '\\' : 'u') ? WithPending(escape) : null;
        }

        if (!char.IsAsciiHexDigit(value))
        {
            return null;
        }

        int digits = escape.Length <= 6 ? escape.Length - 2 : escape.Length - 8;
        int unit = int.Parse(escape.AsSpan(escape.Length - digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        int shift = 4 * (4 - digits);
        (int low, int high) = (unit << shift, (unit << shift) + (1 << shift) - 1);
        if (escape.Length > 6)
        {
            int first = int.Parse(escape.AsSpan(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            (low, high) = (Math.Max(low, 0xDC00), Math.Min(high, 0xDFFF));
            return low > high || !Allows(Pair(first, low), Pair(first, high)) ? null
                : digits == 4 ? Complete(Pair(first, low))
                : WithPending(escape);
        }

        return !AllowsAny(low, high) ? null
            : digits < 4 || char.IsHighSurrogate((char)low) ? WithPending(escape)
            : Complete(low);
    }

    /// <summary>Whether some character may come; none may in the middle of another. Most often a printable one may.</summary>
    bool GoesOn() => Free > 0 || Allows(0x20, 0x7E) || Allows(0, 0xD7FF) || Allows(0xE000, 0x10FFFF);

    /// <summary>Whether any of a range of UTF-16 units can become a character that may come; halves of pairs with their others.</summary>
    bool AllowsAny(int low, int high)
    {
        if (Free > 0 && low is >= 0x20 and < 0xD800 and not '"' and not '\\')
        {
            return true;
        }

        int highSurrogate = Math.Max(low, 0xD800);
        int lastSurrogate = Math.Min(high, 0xDBFF);
        return (low <= 0xD7FF && Allows(low, Math.Min(high, 0xD7FF)))
            || (high >= 0xE000 && Allows(Math.Max(low, 0xE000), high))
            || (highSurrogate <= lastSurrogate && Allows(Pair(highSurrogate, 0xDC00), Pair(lastSurrogate, 0xDFFF)));
    }

    static int Pair(int first, int second) => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);

    TextFrame? Complete(int codePoint)
    {
        Span<byte> bytes = stackalloc byte[4];
        int length = new Rune(codePoint).EncodeToUtf8(bytes);
        return Advance(bytes[..length])?.WithPending("");
    }
}
