namespace OpenAutoGlm.Models;

/// <summary>Recognises files that are often mistaken for model files, so that the error can name them and the remedy.</summary>
static class ForeignFiles
{
    static readonly string[] PickleExtensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"];

    /// <summary>Whether the name is one that pickled PyTorch weights have.</summary>
    public static bool IsPickleName(string path) => PickleExtensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The error for a file that is not <paramref name="wanted"/>, naming what it is instead where that can be told.</summary>
    public static ModelFormatException Error(MappedFile map, string wanted)
    {
        ReadOnlySpan<byte> start = map.Bytes(0, (int)Math.Min(map.Length, 16));
        return new ModelFormatException(map.Path, "magic", Recognise(start) is { } what
            ? $"this is {what}, not {wanted}."
            : $"this is not {wanted}: it begins with the bytes {Convert.ToHexString(start)}.");
    }

    /// <summary>What a file with these first bytes is, with the remedy; null if unknown.</summary>
    public static string? Recognise(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("GGUF"u8))
        {
            return "a GGUF file";
        }

        if (start.StartsWith("FUGG"u8))
        {
            return "a GGUF file with its bytes in the wrong order";
        }

        if (start.StartsWith("PK\x03\x04"u8) || IsPickle(start))
        {
            return "a pickle file (PyTorch's .bin, .pt or .pth), which can run code when it is read and is never opened here; convert it to safetensors or fetch the safetensors files of the model";
        }

        if (start.StartsWith("lmgg"u8) || start.StartsWith("tjgg"u8) || start.StartsWith("fmgg"u8))
        {
            return "a GGML file from before GGUF; convert the model again";
        }

        if (start.StartsWith("version https://"u8) || start.StartsWith("version https:/"u8))
        {
            return "a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'";
        }

        return start.StartsWith("<!DOCTYPE"u8) || start.StartsWith("<html"u8)
            ? "a web page, probably an error that was saved instead of the file; fetch it again"
            : null;
    }

    // Protocols 2 to 5 begin with the opcode PROTO, the number, and then one of the opcodes that PyTorch's files have.
    static bool IsPickle(ReadOnlySpan<byte> start) =>
        start.Length >= 3 && start[0] == 0x80 && start[1] is >= 2 and <= 5 && start[2] is 0x8A or (byte)'}' or (byte)']' or (byte)'c' or 0x95;
}
