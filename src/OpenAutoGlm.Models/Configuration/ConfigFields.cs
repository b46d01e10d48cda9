namespace OpenAutoGlm.Models.Configuration;

/// <summary>
/// The fields of a configuration, whatever holds them, read with bounds. A number outside its bounds or of the wrong
/// type is refused with the name that it has in the file.
/// </summary>
abstract class ConfigFields(string file)
{
    public const int MaxLayers = 4096;
    public const int MaxWidth = 1 << 20;
    public const int MaxInner = 1 << 24;
    public const int MaxHeads = 1 << 14;
    public const int MaxHeadDim = 1 << 13;
    public const int MaxVocab = 1 << 24;
    public const int MaxContext = 1 << 30;
    public const int MaxExperts = 1 << 16;
    public const float MaxRopeBase = 1e15f;
    public const float MaxFactor = 1e6f;

    /// <summary>The path of the file, for messages.</summary>
    public string File { get; } = file;

    /// <summary>A whole number from 1 on.</summary>
    public int Count(string field, int max, int? whenAbsent = null) => Integer(field, 1, max, whenAbsent);

    /// <summary>A whole number from 0 on.</summary>
    public int CountOrZero(string field, int max, int whenAbsent = 0) => Integer(field, 0, max, whenAbsent);

    /// <summary>A number above 0.</summary>
    public float Positive(string field, float max, float? whenAbsent = null)
    {
        if (!TryReadFloat(field, out double value))
        {
            return whenAbsent ?? throw Absent(field);
        }

        // The comparison also fails for NaN; a double too small for a float would otherwise turn into zero.
        return value > 0 && value <= max && (float)value > 0 ? (float)value : throw Error(field, $"is {value}; it must be above 0 and at most {max}.");
    }

    /// <summary>A number from 0 on; null if absent.</summary>
    public float? FromZero(string field, float max) => !TryReadFloat(field, out double value) ? null
        : value >= 0 && value <= max ? (float)value
        : throw Error(field, $"is {value}; it must be from 0 to {max}.");

    /// <summary>The error for a field.</summary>
    public ModelFormatException Error(string field, string message) => new(File, FullName(field), message);

    /// <summary>Whether the field is there and not null.</summary>
    public abstract bool Has(string field);

    /// <summary>A truth value.</summary>
    public abstract bool Bool(string field, bool whenAbsent);

    /// <summary>A text; null if absent.</summary>
    public abstract string? Text(string field);

    protected abstract bool TryReadInt(string field, out long value);

    protected abstract bool TryReadFloat(string field, out double value);

    protected abstract string FullName(string field);

    int Integer(string field, int min, int max, int? whenAbsent)
    {
        if (!TryReadInt(field, out long value))
        {
            return whenAbsent ?? throw Absent(field);
        }

        return value >= min && value <= max ? (int)value : throw Error(field, $"is {value}; it must be from {min} to {max}.");
    }

    ModelFormatException Absent(string field) => Error(field, "is missing.");
}
