using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models;

/// <summary>A folder that is gone after the test.</summary>
sealed class TemporaryFolder : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-test-");

    public string Root => _folder.FullName;

    public string File(params string[] parts) => Path.Combine([Root, .. parts]);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        string path = File(name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    public string Write(string name, string text)
    {
        string path = File(name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    public string Write(string name, GgufWriter writer)
    {
        string path = File(name);
        writer.Write(path, null, TestContext.Current.CancellationToken);
        return path;
    }

    /// <summary>How many mappings of files in this folder the process holds; 0 where the system does not say.</summary>
    public int OpenMappings => System.IO.File.Exists("/proc/self/maps")
        ? System.IO.File.ReadLines("/proc/self/maps").Count(line => line.Contains(Root, StringComparison.Ordinal))
        : 0;

    public void Dispose() => _folder.Delete(recursive: true);
}
