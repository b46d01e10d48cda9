using System.Buffers.Binary;
using System.Text;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_the_writer_wrote_is_read_back()
    {
        SafetensorsWriter writer = new();
        writer.Add("b", Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3));
        writer.Add("a", Tensor.Of([7f], 1));
        writer.Add("stack", Tensor.Stack([Tensor.Of([1f, 2], 1, 2), Tensor.Of([3f, 4], 1, 2)]));
        string path = _folder.File("model.safetensors");
        writer.Write(path, cancellation: TestContext.Current.CancellationToken);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["a", "b", "stack"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("F32[2, 3]", file.GetTensor("b").ToString());
        Assert.Equal([1f, 2, 3, 4, 5, 6], file.GetTensor("b").ToFloats());
        Assert.Equal([1f, 2, 3, 4], file.GetTensor("stack").ToFloats());
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.False(file.TryGetTensor("nothing", out _));
    }

    [Fact]
    public void Half_precision_is_read_and_other_types_are_listed_and_refused_when_wanted()
    {
        const string Header = """
            {"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},
             "q":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[8,12]},"x":{"dtype":"F99","shape":[4],"data_offsets":[12,16]},
             "scalar":{"dtype":"F32","shape":[],"data_offsets":[16,20]},"none":{"dtype":"F32","shape":[0,5],"data_offsets":[20,20]}}
            """;
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("m.safetensors", Bytes(Header, [0, 0x3C, 0, 0xC0, 0x80, 0x3F, 0, 0xC0, .. new byte[12]])));
        Assert.Equal([1f, -2], file.GetTensor("h").ToFloats());
        Assert.Equal([1f, -2], file.GetTensor("b").ToFloats());
        Assert.Equal(6, file.Tensors.Count);
        Assert.Contains("F8_E4M3", Assert.Throws<ModelFormatException>(() => file.GetTensor("q")).Message);
        Assert.Contains("F99", Assert.Throws<ModelFormatException>(() => file.GetTensor("x")).Message);
        Assert.Contains("[]", Assert.Throws<ModelFormatException>(() => file.GetTensor("scalar")).Message);
        Assert.Contains("[0, 5]", Assert.Throws<ModelFormatException>(() => file.GetTensor("none")).Message);
    }

    [Fact]
    public void More_than_four_extents_become_a_matrix()
    {
        const string Header = """{"conv":{"dtype":"F32","shape":[2,1,1,2,2],"data_offsets":[0,32]}}""";
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("m.safetensors", Bytes(Header, new byte[32])));
        Assert.Equal("F32[2, 4]", file.GetTensor("conv").ToString());
    }

    public static TheoryData<string, byte[], string> Refused
    {
        get
        {
            byte[] Two(string first, string second, int data) => Bytes($$"""{"a":{{first}},"b":{{second}}}""", new byte[data]);
            byte[] One(string tensor, int data = 8) => Bytes($$"""{"a":{{tensor}}}""", new byte[data]);
            byte[] Length(ulong length)
            {
                byte[] bytes = One("""{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""");
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
                return bytes;
            }

            const string First = """{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""";
            return new()
            {
                { "empty", [], "empty" },
                { "four bytes", [1, 0, 0, 0], "ends after 4" },
                { "pickle", [0x80, 2, 0x8A, 10, 1, 2, 3, 4, 5], "pickle" },
                { "zip", "PK\u0003\u0004abcdefghijkl"u8.ToArray(), "pickle" },
                { "GGUF", "GGUF\u0003\0\0\0\0\0\0\0"u8.ToArray(), "GGUF" },
                { "a header of 2^63 bytes", Length(1UL << 63), "9223372036854775808" },
                { "a header of -1 bytes", Length(ulong.MaxValue), "18446744073709551615" },
                { "a header beyond the file", Length(1000), "1000" },
                { "a header of 0 bytes", Length(0), "0 bytes of header" },
                { "a header cut by its length", Length(20), "JSON" },
                { "no JSON", Bytes("hello, this is no JSON", []), "JSON" },
                { "an array", Bytes("[]", []), "StartObject" },
                { "something behind the object", Bytes("{} {}", []), "JSON" },
                { "JSON 2,000 deep", Bytes("""{"a":""" + new string('[', 2000), []), "StartObject" },
                { "deep metadata", Bytes("""{"__metadata__":{"a":""" + new string('[', 2000), []), "String" },
                { "deep shape", One("""{"dtype":"F32","shape":""" + new string('[', 2000)), "whole numbers" },
                { "half a surrogate pair", Bytes("""{"\ud800":1}""", []), "JSON" },
                { "the same name twice", Bytes($$"""{"a":{{First}},"a":{{First}}}""", new byte[8]), "twice" },
                { "the same member twice", One("""{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}"""), "dtype" },
                { "an unknown member", One("""{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}"""), "'x'" },
                { "no dtype", One("""{"shape":[2],"data_offsets":[0,8]}"""), "dtype" },
                { "no offsets", One("""{"dtype":"F32","shape":[2]}"""), "data_offsets" },
                { "one offset", One("""{"dtype":"F32","shape":[2],"data_offsets":[0]}"""), "data_offsets" },
                { "three offsets", One("""{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}"""), "at most 2" },
                { "a negative offset", One("""{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}"""), "whole numbers" },
                { "a broken offset", One("""{"dtype":"F32","shape":[2],"data_offsets":[0,8.5]}"""), "whole numbers" },
                { "an offset beyond 64 bits", One("""{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}"""), "whole numbers" },
                { "offsets the wrong way round", One("""{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"""), "[8, 0]" },
                { "an end past the file", One("""{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", 7), "[0, 8]" },
                { "a shape of another size", One("""{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"""), "F32[3]" },
                { "a shape that overflows", One("""{"dtype":"F32","shape":[2147483647,2147483647,2147483647,2147483647],"data_offsets":[0,8]}"""), "too large" },
                { "an unknown type with a huge shape", One("""{"dtype":"F99","shape":[2147483647,2147483647],"data_offsets":[0,8]}"""), "more elements" },
                { "an extent past 31 bits", One("""{"dtype":"F32","shape":[0,2147483648],"data_offsets":[0,0]}""", 0), "too large" },
                { "seventeen extents", One("""{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}"""), "at most 16" },
                { "overlap", Two(First, """{"dtype":"F32","shape":[2],"data_offsets":[4,12]}""", 12), "overlaps" },
                { "a hole", Two(First, """{"dtype":"F32","shape":[2],"data_offsets":[12,20]}""", 20), "hole" },
                { "bytes behind the last tensor", One(First, 12), "end at byte" },
                { "metadata that is no text", Bytes("""{"__metadata__":{"a":1}}""", []), "String" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_file_that_lies_is_refused_by_name_and_unmapped(string what, byte[] bytes, string expected)
    {
        string path = _folder.Write("liar.safetensors", bytes);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), $"{what}: {error.Message}");
        Assert.Contains(path, error.Message);
        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void A_file_cut_at_any_byte_is_refused()
    {
        byte[] whole = Sample();
        for (int length = 0; length < whole.Length; length++)
        {
            string path = _folder.Write("cut.safetensors", whole.AsSpan(0, length));
            Assert.Contains(path, Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path)).Message);
        }

        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void A_mutated_file_is_read_whole_or_refused()
    {
        byte[] whole = Sample();
        Random random = new(20261120);
        int opened = 0;
        for (int i = 0; i < Mutation.Count; i++)
        {
            string path = _folder.Write("mutant.safetensors", Mutation.Of(whole, whole.Length - 72, random));
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (TensorInfo info in file.Tensors)
                {
                    if (info.Format is not null && !info.Extents.IsEmpty && info.Elements > 0)
                    {
                        Assert.Equal(info.Elements, file.GetTensor(info.Name).ToFloats().Length);
                    }
                }

                opened++;
            }
            catch (ModelFormatException error)
            {
                Assert.Contains(path, error.Message);
            }
        }

        Assert.InRange(opened, 1, Mutation.Count - 1);
        Assert.Equal(0, _folder.OpenMappings);
    }

    internal static byte[] Bytes(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        return [.. length, .. json, .. data];
    }

    byte[] Sample()
    {
        SafetensorsWriter writer = new();
        writer.Add("model.a.weight", Tensor.Of(new float[12], 3, 4));
        writer.Add("model.b.weight", Tensor.Of(new float[6], 6));
        string path = _folder.File("sample.safetensors");
        writer.Write(path);
        return File.ReadAllBytes(path);
    }
}
