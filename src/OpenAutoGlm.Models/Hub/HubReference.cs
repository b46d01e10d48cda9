using System.Buffers;

namespace OpenAutoGlm.Models.Hub;

/// <summary>A model on a hub: org/name, and the branch, tag or commit.</summary>
public sealed record HubReference
{
    const string DefaultRevision = "main";
    const int MaxNameLength = 96;
    const int MaxRevisionLength = 200;

    static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    static readonly SearchValues<char> RevisionCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");

    HubReference(string repository, string revision)
    {
        Repository = repository;
        Revision = revision;
    }

    /// <summary>The repository: org/name, or a name alone.</summary>
    public string Repository { get; }

    /// <summary>A branch, a tag or a commit; main where none was given.</summary>
    public string Revision { get; }

    /// <summary>Whether the revision is a commit, which never changes.</summary>
    internal bool IsCommit => Hex.IsDigest(Revision, Hex.Sha1Digits);

    /// <summary>The folder of the repository in the cache.</summary>
    internal string FolderName => "models--" + Repository.Replace("/", "--");

    /// <summary>Reads org/name or org/name@revision.</summary>
    /// <exception cref="HubException">The text is no such name.</exception>
    public static HubReference Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.IndexOf('@');
        string repository = at < 0 ? text : text[..at];
        string revision = at < 0 ? DefaultRevision : text[(at + 1)..];
        string[] parts = repository.Split('/');
        if (parts.Length > 2 || !Array.TrueForAll(parts, IsName))
        {
            throw new HubException(HubError.Refused, $"'{text}' is not the name of a model: expected org/name or org/name@revision.");
        }

        if (!IsRevision(revision)) throw new HubException(HubError.Refused, $"'{revision}' is not a branch, tag or commit of {repository}.");
        return new(repository, revision);
    }

    static bool IsName(string name) => name.Length is > 0 and <= MaxNameLength && !name.AsSpan().ContainsAnyExcept(NameCharacters)
        && name[0] is not ('.' or '-') && name[^1] is not ('.' or '-') && !name.Contains("--") && !name.Contains("..");

    internal static bool IsRevision(string revision) => revision.Length is > 0 and <= MaxRevisionLength
        && !revision.AsSpan().ContainsAnyExcept(RevisionCharacters) && revision.Split('/').All(part => part.Length > 0 && part[0] != '.' && part[^1] != '.');

    /// <inheritdoc/>
    public override string ToString() => Revision == DefaultRevision ? Repository : $"{Repository}@{Revision}";
}

/// <summary>Digests as text.</summary>
static class Hex
{
    public const int Sha1Digits = 40;
    public const int Sha256Digits = 64;

    static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether a text is a digest in lower-case hexadecimal digits.</summary>
    public static bool IsDigest(string? text, int digits) => text?.Length == digits && !text.AsSpan().ContainsAnyExcept(Digits);
}
