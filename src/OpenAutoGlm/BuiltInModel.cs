namespace OpenAutoGlm;

/// <summary>autoglm-nano, the small model that comes with the program and is taken where none is named. docs/nano.md says what it can do.</summary>
public static class BuiltInModel
{
    /// <summary>What it is called.</summary>
    public const string Name = "autoglm-nano";

    /// <summary>Where its file lies: beside the program.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, Name + ".gguf");

    /// <summary>Whether it is there.</summary>
    public static bool IsHere => File.Exists(Path);

    /// <summary>The file.</summary>
    /// <exception cref="FileNotFoundException">The program was copied without it.</exception>
    public static string Locate() => IsHere
        ? Path
        : throw new FileNotFoundException($"The built-in model {Name} belongs at {Path}, and is not there: copy the whole folder of the program, or name another model.", Path);
}
