using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>The keys of a GGUF file that begin with the name of its architecture.</summary>
sealed class GgufFields(GgufMetadata metadata, string architecture) : ConfigFields(metadata.File)
{
    public override bool Has(string field) => metadata.Contains(FullName(field));

    public override bool Bool(string field, bool whenAbsent) => metadata.GetBool(FullName(field), whenAbsent);

    public override string? Text(string field) => metadata.TryGetString(FullName(field), out string? value) ? value : null;

    /// <summary>An array of integers; null if absent.</summary>
    public int[]? Integers(string field) => metadata.TryGetIntArray(FullName(field), out int[]? values) ? values : null;

    /// <summary>Whether the number is there and is 0.</summary>
    public bool IsZero(string field) => TryReadFloat(field, out double value) && value == 0;

    protected override bool TryReadInt(string field, out long value)
    {
        string key = FullName(field);
        if (metadata.Contains(key) && metadata.TypeOf(key) is (GgufValueType.Array, _, _))
        {
            return TryReadUniform(key, out value);
        }

        return metadata.TryGetInt(key, out value);
    }

    protected override bool TryReadFloat(string field, out double value) => metadata.TryGetFloat(FullName(field), out value);

    protected override string FullName(string field) => $"{architecture}.{field}";

    /// <summary>One value for each layer: read as one number if all layers agree.</summary>
    bool TryReadUniform(string key, out long value)
    {
        int[] values = metadata.GetIntArray(key);
        value = values.Length > 0 ? values[0] : 0;
        return values.Length > 0 && values.All(other => other == values[0])
            ? true
            : throw new ModelFormatException(File, key, "differs from layer to layer, which is not supported.");
    }
}
