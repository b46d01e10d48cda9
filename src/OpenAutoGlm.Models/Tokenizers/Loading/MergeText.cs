namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>The text form of a merge: two parts with one space between.</summary>
static class MergeText
{
    /// <summary>The two parts, or null.</summary>
    /// <remarks>The search begins at the second character, because a part may itself be a space in some files.</remarks>
    public static (string Left, string Right)? Split(string merge)
    {
        int space = merge.Length > 2 ? merge.IndexOf(' ', 1) : -1;
        return space > 0 && space < merge.Length - 1 ? (merge[..space], merge[(space + 1)..]) : null;
    }
}
