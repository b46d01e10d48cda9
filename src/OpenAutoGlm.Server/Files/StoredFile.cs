using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.Files;

/// <summary>What is known of a file, as it is kept and as OpenAI's reference has it.</summary>
/// <param name="Id">file- and 32 hexadecimal digits.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="CreatedAt">Seconds since 1970.</param>
/// <param name="Filename">The client's name for it: a label, never a path.</param>
/// <param name="Purpose">batch, or batch_output.</param>
/// <param name="ExpiresAt">When it is deleted; null for never.</param>
sealed record StoredFile(
    string Id,
    long Bytes,
    long CreatedAt,
    string Filename,
    string Purpose,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? ExpiresAt = null)
{
    const int LongestName = 255;

    [JsonIgnore]
    public string DataName => Id + ".data";

    [JsonIgnore]
    public string StateName => Id + ".json";

    public string Object => "file";

    public string Status => "processed";

    /// <summary>A name that shows nothing but what it is: the last part of a path, without control characters.</summary>
    public static string Sanitise(string name)
    {
        string last = name[(name.LastIndexOfAny(['/', '\\', ':']) + 1)..];
        string clean = string.Concat(last.Where(character => !char.IsControl(character) && !char.IsSurrogate(character) && char.GetUnicodeCategory(character) != System.Globalization.UnicodeCategory.Format)).Trim();
        clean = clean.Length <= LongestName ? clean : clean[..LongestName];
        return clean.Trim('.').Length == 0 ? "file" : clean;
    }
}

/// <summary>A page of a list.</summary>
sealed record Page<T>(IReadOnlyList<T> Data, string? FirstId, string? LastId, bool HasMore)
{
    public string Object => "list";
}

/// <summary>What is left of a file.</summary>
sealed record DeletedFile(string Id)
{
    public string Object => "file";

    public bool Deleted => true;
}
