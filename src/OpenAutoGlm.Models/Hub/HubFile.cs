namespace OpenAutoGlm.Models.Hub;

/// <summary>A file of a repository: its path, its size, and the checksum that names its content.</summary>
/// <param name="Path">The path in the repository, with '/' between folders.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Digest">SHA-256 of the content, or Git's SHA-1 of the blob for files outside of LFS; in hexadecimal digits.</param>
public sealed record HubFile(string Path, long Size, string Digest)
{
    internal bool IsSha256 => Digest.Length == Hex.Sha256Digits;
}

/// <summary>Paths come from a server: only plain ones below the snapshot's folder are let through.</summary>
static class RemotePath
{
    const int MaxLength = 1024;
    const int MaxSegmentLength = 255;

    /// <summary>Why a path is refused; null for a good one.</summary>
    public static string? Fault(string path)
    {
        if (path.Length is 0 or > MaxLength) return $"has {path.Length} characters";
        if (path[0] == '/') return "is absolute";
        foreach (char c in path)
        {
            if (c is '\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|' || char.IsControl(c)) return $"contains the character U+{(int)c:X4}";
        }

        foreach (string segment in path.Split('/'))
        {
            if (segment.Length is 0 or > MaxSegmentLength) return $"has a part of {segment.Length} characters";
            if (segment is "." or "..") return "leads out of its folder";
            if (segment[^1] is '.' or ' ' || segment[0] == ' ') return $"has the part '{segment}', which some systems shorten";
            if (IsDevice(segment)) return $"has the part '{segment}', a device on some systems";
        }

        return null;
    }

    static bool IsDevice(string segment)
    {
        string name = segment.Split('.')[0].TrimEnd().ToUpperInvariant();
        return name is "CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$"
            || (name.Length == 4 && (name.StartsWith("COM") || name.StartsWith("LPT")) && (char.IsAsciiDigit(name[3]) || name[3] is '¹' or '²' or '³'));
    }
}
