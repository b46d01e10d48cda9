using System.Globalization;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>How many weights become zero, and in which pattern.</summary>
/// <param name="Share">The share that becomes zero, 0 to 1.</param>
/// <param name="Group">In groups of so many neighbours; 0 for no pattern.</param>
public readonly record struct Sparsity(double Share, int Group = 0)
{
    /// <summary>Two of any four neighbours in a row: the pattern that tensor cores of GPUs since 2020 skip.</summary>
    public static Sparsity TwoOfFour { get; } = new(0.5, 4);

    /// <summary>Reads "50%", "0.5" or "2:4".</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static Sparsity Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        if (parts.Length == 2 && int.TryParse(parts[0], out int kept) && int.TryParse(parts[1], out int group) && kept > 0 && kept < group)
        {
            return new Sparsity(1 - ((double)kept / group), group);
        }

        bool percent = text.EndsWith('%');
        return double.TryParse(percent ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value / (percent ? 100 : 1) is > 0 and < 1 and double share
            ? new Sparsity(share)
            : throw new FormatException($"'{text}' is no sparsity; write a share such as 50%, or a pattern such as 2:4.");
    }

    /// <inheritdoc/>
    public override string ToString() => Group > 0
        ? $"{(int)Math.Round((1 - Share) * Group)}:{Group}"
        : Share.ToString("0.#%", CultureInfo.InvariantCulture);
}
