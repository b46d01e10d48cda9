using System.Text.Json;

namespace OpenAutoGlm.Models.Hub;

/// <summary>The files of one commit, as the hub lists them and as the cache remembers them.</summary>
static class HubListing
{
    const int MaxFiles = 100_000;

    /// <summary>Adds the files of one page of a listing: an array (Hugging Face), or Data.Files (ModelScope).</summary>
    public static void Add(JsonElement page, string repository, List<HubFile> files)
    {
        if (page.ValueKind == JsonValueKind.Object && page.TryGetProperty("Data", out JsonElement data)
            && data.ValueKind == JsonValueKind.Object && data.TryGetProperty("Files", out JsonElement inner))
        {
            page = inner;
        }

        if (page.ValueKind != JsonValueKind.Array) throw Corrupt(repository, "it is not a list");
        foreach (JsonElement entry in page.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object) throw Corrupt(repository, "an entry is not an object");
            if ((Text(entry, "type") ?? Text(entry, "Type")) is "directory" or "tree") continue;
            if (files.Count >= MaxFiles) throw Corrupt(repository, $"it has more than {MaxFiles} files");
            files.Add(Read(entry, repository));
        }
    }

    static HubFile Read(JsonElement entry, string repository)
    {
        string path = Text(entry, "path") ?? Text(entry, "Path") ?? throw Corrupt(repository, "an entry has no path");
        if (RemotePath.Fault(path) is { } fault)
        {
            throw new HubException(HubError.Refused, $"{repository} lists the file {JsonEncodedText.Encode(path)}, which {fault}: nothing of it is fetched.");
        }

        bool isLfs = entry.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object;
        string? digest = (isLfs ? Text(lfs, "oid") ?? Text(lfs, "sha256") : Text(entry, "Sha256") ?? Text(entry, "oid"))?.ToLowerInvariant();
        if (!Hex.IsDigest(digest, Hex.Sha256Digits) && (isLfs || !Hex.IsDigest(digest, Hex.Sha1Digits)))
        {
            throw Corrupt(repository, $"{path} has no checksum");
        }

        long size = Number(isLfs ? lfs : entry, "size") ?? Number(entry, "size") ?? Number(entry, "Size") ?? -1;
        return size >= 0 ? new(path, size, digest!) : throw Corrupt(repository, $"{path} has no size");
    }

    /// <summary>Refuses listings in which two files have the same path, or one stands where another has its folder.</summary>
    public static void CheckPaths(List<HubFile> files, string repository)
    {
        HashSet<string> paths = new(StringComparer.OrdinalIgnoreCase);
        foreach (HubFile file in files)
        {
            if (!paths.Add(file.Path)) throw Corrupt(repository, $"{file.Path} is there twice");
        }

        foreach (HubFile file in files)
        {
            for (int slash = file.Path.IndexOf('/'); slash >= 0; slash = file.Path.IndexOf('/', slash + 1))
            {
                if (paths.Contains(file.Path[..slash])) throw Corrupt(repository, $"{file.Path[..slash]} is both a file and a folder");
            }
        }
    }

    public static byte[] Write(IEnumerable<HubFile> files)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartArray();
            foreach (HubFile file in files)
            {
                writer.WriteStartObject();
                writer.WriteString("path", file.Path);
                writer.WriteNumber("size", file.Size);
                writer.WriteString("oid", file.Digest);
                if (file.IsSha256)
                {
                    writer.WriteStartObject("lfs");
                    writer.WriteString("oid", file.Digest);
                    writer.WriteEndObject();
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return stream.ToArray();
    }

    static string? Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static long? Number(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : null;

    static HubException Corrupt(string repository, string why) => new(HubError.Corrupt, $"The list of files of {repository} cannot be used: {why}.");
}
