namespace OpenAutoGlm.Models;

/// <summary>A model file, configuration or vocabulary that does not say what it must.</summary>
public sealed class ModelFormatException : IOException
{
    /// <summary>Names the file, the field in it and what is wrong, the offending value included.</summary>
    public ModelFormatException(string file, string field, string message, Exception? inner = null)
        : base($"{file}: {field}: {message}", inner)
    {
        File = file;
        Field = field;
    }

    /// <summary>The file, as the caller named it.</summary>
    public string File { get; }

    /// <summary>The field, tensor or position in the file.</summary>
    public string Field { get; }
}
