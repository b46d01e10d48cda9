using System.Text.RegularExpressions;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Packages;

/// <summary>Opens a GGUF file, or all parts of one that was split (name-00001-of-00003.gguf, …).</summary>
static partial class GgufParts
{
    const int MaxParts = 10_000;

    /// <summary>Whether the name says that this is a part of a split file, and which.</summary>
    public static bool IsPart(string path, out string stem, out int number, out int count)
    {
        Match match = PartName().Match(path);
        stem = match.Success ? match.Groups["stem"].Value : path;
        number = match.Success ? int.Parse(match.Groups["number"].Value) : 1;
        count = match.Success ? int.Parse(match.Groups["count"].Value) : 1;
        return match.Success;
    }

    /// <summary>The files, the first part first; any part may be named.</summary>
    /// <exception cref="ModelFormatException">A part is missing, or belongs to another model.</exception>
    public static List<GgufFile> Open(string path)
    {
        List<GgufFile> files = [];
        try
        {
            if (!IsPart(path, out string stem, out _, out int count))
            {
                files.Add(GgufFile.Open(path));
                RefuseLonePart(files[0]);
                return files;
            }

            if (count is 0 or > MaxParts)
            {
                throw new ModelFormatException(path, "name", $"a split file has 1 to {MaxParts} parts, not {count}.");
            }

            for (int i = 1; i <= count; i++)
            {
                string part = $"{stem}-{i:D5}-of-{count:D5}.gguf";
                if (!File.Exists(part))
                {
                    throw new ModelFormatException(path, Path.GetFileName(part), $"part {i} of {count} is missing; fetch it again.");
                }

                files.Add(GgufFile.Open(part));
                CheckPart(files[^1], i, count);
            }

            CheckTotal(files);
            return files;
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    static void RefuseLonePart(GgufFile file)
    {
        if (file.Metadata.TryGetInt("split.count", out long count) && count > 1)
        {
            throw new ModelFormatException(file.Path, "split.count", $"this is one of {count} parts, but its name is not NAME-00001-of-{count:D5}.gguf, by which the others are found.");
        }
    }

    static void CheckPart(GgufFile file, int number, int count)
    {
        if (file.Metadata.TryGetInt("split.no", out long no) && no != number - 1)
        {
            throw new ModelFormatException(file.Path, "split.no", $"is {no}, but the name says {number - 1}.");
        }

        if (file.Metadata.TryGetInt("split.count", out long parts) && parts != count)
        {
            throw new ModelFormatException(file.Path, "split.count", $"is {parts}, but the name says {count}.");
        }
    }

    static void CheckTotal(List<GgufFile> files)
    {
        int tensors = files.Sum(file => file.Tensors.Count);
        if (files[0].Metadata.TryGetInt("split.tensors.count", out long total) && total != tensors)
        {
            throw new ModelFormatException(files[0].Path, "split.tensors.count", $"is {total}, but the parts hold {tensors} tensors.");
        }
    }

    [GeneratedRegex(@"^(?<stem>.+)-(?<number>\d{5})-of-(?<count>\d{5})\.gguf$", RegexOptions.CultureInvariant)]
    private static partial Regex PartName();
}
