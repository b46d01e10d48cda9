namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>What autoglm-nano is. It says the same of itself.</summary>
public static class NanoModel
{
    /// <summary>Its name.</summary>
    public const string Name = "autoglm-nano";

    /// <summary>How many parameters it has, as it says in English.</summary>
    public const string SizeInEnglish = "1.8 million";

    /// <summary>How many parameters it has, as it says in Chinese.</summary>
    public const string SizeInChinese = "180万";
}
