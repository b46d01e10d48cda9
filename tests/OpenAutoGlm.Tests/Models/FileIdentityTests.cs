using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models;

public sealed class FileIdentityTests : IDisposable
{
    static readonly DateTime Time = new(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_same_file_has_the_same_identity_wherever_it_lies()
    {
        Assert.Equal(IdentityOf("a.gguf", "one", 1), IdentityOf("b.gguf", "one", 1));
    }

    [Fact]
    public void Another_name_in_the_header_another_training_and_another_time_show()
    {
        string first = IdentityOf("a.gguf", "one", 1);
        Assert.NotEqual(first, IdentityOf("b.gguf", "two", 1));
        Assert.NotEqual(first, IdentityOf("c.gguf", "one", 2));
        File.SetLastWriteTimeUtc(_folder.File("a.gguf"), Time.AddSeconds(1));
        using GgufFile touched = GgufFile.Open(_folder.File("a.gguf"));
        Assert.NotEqual(first, touched.Identity);
    }

    string IdentityOf(string file, string name, float value)
    {
        GgufWriter writer = new();
        writer.Add("general.name", name);
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, 8, 64);
        tensor.View.Floats.Fill(value);
        writer.AddTensor("w", tensor);
        string path = _folder.Write(file, writer);
        File.SetLastWriteTimeUtc(path, Time);
        using GgufFile opened = GgufFile.Open(path);
        return opened.Identity;
    }
}
