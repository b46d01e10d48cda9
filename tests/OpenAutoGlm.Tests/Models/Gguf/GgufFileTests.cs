using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Gguf;

public sealed class GgufFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_the_writer_wrote_is_read_back()
    {
        GgufWriter writer = new();
        writer.Add("general.architecture", "llama");
        writer.Add("llama.block_count", 7u);
        writer.Add("llama.rope.freq_base", 10000f);
        writer.Add("tokenizer.ggml.add_bos_token", true);
        writer.Add("tokenizer.ggml.tokens", ["<s>", "智", ""]);
        writer.Add("tokenizer.ggml.token_type", [3, 1, -1]);
        writer.Add("tokenizer.ggml.scores", [0f, -1.5f, float.MinValue]);
        writer.AddTensor("odd", Tensor.Of([1f, 2, 3], 3));
        writer.AddTensor("matrix", Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3));
        writer.AddTensor("stack", Tensor.Stack([Tensor.Of([1f, 2], 1, 2), Tensor.Of([3f, 4], 1, 2)]));
        string path = _folder.Write("model.gguf", writer);

        using GgufFile file = GgufFile.Open(path);
        Assert.Equal(3, file.Version);
        Assert.Equal("llama", file.Metadata.GetString("general.architecture"));
        Assert.Equal(7, file.Metadata.GetInt("llama.block_count"));
        Assert.Equal(10000, file.Metadata.GetFloat("llama.rope.freq_base"));
        Assert.True(file.Metadata.GetBool("tokenizer.ggml.add_bos_token", false));
        Assert.Equal(["<s>", "智", ""], file.Metadata.GetStringArray("tokenizer.ggml.tokens"));
        Assert.Equal([3, 1, -1], file.Metadata.GetIntArray("tokenizer.ggml.token_type"));
        Assert.Equal([0f, -1.5f, float.MinValue], file.Metadata.GetFloatArray("tokenizer.ggml.scores"));
        Assert.Equal(["odd", "matrix", "stack"], file.Tensors.Select(tensor => tensor.Name));
        Assert.All(file.Tensors, tensor => Assert.Equal(0, tensor.Offset % 32));
        Assert.Equal("F32[2, 3]", file.GetTensor("matrix").ToString());
        Assert.Equal([1f, 2, 3, 4, 5, 6], file.GetTensor("matrix").ToFloats());
        Assert.Equal("F32[2, 1, 2]", file.GetTensor("stack").ToString());
        Assert.Equal([1f, 2, 3, 4], file.GetTensor("stack").ToFloats());
        Assert.False(file.TryGetTensor("nothing", out _));
        Assert.False(File.Exists(path + ".partial"));
    }

    [Fact]
    public void Values_of_every_type_are_read()
    {
        GgufBytes bytes = GgufBytes.Head(0, 11)
            .Key("u8", GgufValueType.UInt8).Raw([200])
            .Key("i8", GgufValueType.Int8).Raw([200])
            .Key("u16", GgufValueType.UInt16).Raw([0xFF, 0xFF])
            .Key("i16", GgufValueType.Int16).Raw([0xFF, 0xFF])
            .Key("u32", GgufValueType.UInt32).U32(uint.MaxValue)
            .Key("i32", GgufValueType.Int32).U32(uint.MaxValue)
            .Key("u64", GgufValueType.UInt64).U64(ulong.MaxValue)
            .Key("i64", GgufValueType.Int64).U64(ulong.MaxValue)
            .Key("f64", GgufValueType.Float64).U64(BitConverter.DoubleToUInt64Bits(0.1))
            .Key("flags", GgufValueType.Array).U32((uint)GgufValueType.Bool).U64(2).Raw([1, 0])
            .Key("nested", GgufValueType.Array).U32((uint)GgufValueType.Array).U64(1).U32((uint)GgufValueType.String).U64(1).Text("deep");
        using GgufFile file = GgufFile.Open(_folder.Write("types.gguf", bytes.ToArray()));
        GgufMetadata metadata = file.Metadata;
        Assert.Equal([200L, -56, 65535, -1, uint.MaxValue, -1, -1], new[] { "u8", "i8", "u16", "i16", "u32", "i32", "i64" }.Select(metadata.GetInt));
        Assert.Equal(0.1, metadata.GetFloat("f64"));
        Assert.Equal((GgufValueType.Array, GgufValueType.Array, 1L), metadata.TypeOf("nested"));
        Assert.Equal("18446744073709551615", metadata.Display("u64"));
        Assert.Contains("does not fit", Assert.Throws<ModelFormatException>(() => metadata.GetInt("u64")).Message);
    }

    [Fact]
    public void A_value_of_another_type_than_asked_for_is_refused_with_its_key()
    {
        GgufBytes bytes = GgufBytes.Head(0, 4)
            .Key("text", GgufValueType.String).Text("x")
            .Key("number", GgufValueType.UInt32).U32(1)
            .Key("list", GgufValueType.Array).U32((uint)GgufValueType.Int32).U64(1).U32(5)
            .Key("truth", GgufValueType.Bool).Raw([2]);
        using GgufFile file = GgufFile.Open(_folder.Write("types.gguf", bytes.ToArray()));
        GgufMetadata metadata = file.Metadata;
        foreach ((string key, Action read) in new (string, Action)[]
        {
            ("text", () => metadata.GetInt("text")),
            ("text", () => metadata.GetFloat("text")),
            ("text", () => metadata.GetStringArray("text")),
            ("number", () => metadata.GetString("number")),
            ("number", () => metadata.GetBool("number", true)),
            ("list", () => metadata.GetInt("list")),
            ("list", () => metadata.GetStringArray("list")),
            ("truth", () => metadata.GetBool("truth", true)),
            ("absent", () => metadata.GetString("absent")),
        })
        {
            ModelFormatException error = Assert.Throws<ModelFormatException>(read);
            Assert.Equal(key, error.Field);
            Assert.Contains("types.gguf", error.Message);
        }
    }

    public static TheoryData<string, byte[], string> Refused
    {
        get
        {
            const uint F32 = 0;
            GgufBytes One(ulong[] extents, uint type = F32, ulong offset = 0) => GgufBytes.Head(1, 0).Info("w", extents, type, offset).Data(64);
            GgufBytes Aligned(uint alignment) => GgufBytes.Head(0, 1).Key("general.alignment", GgufValueType.UInt32).U32(alignment);
            GgufBytes nested = GgufBytes.Head(0, 1).Key("deep", GgufValueType.Array);
            for (int i = 0; i < 2000; i++)
            {
                nested.U32((uint)GgufValueType.Array).U64(1);
            }

            return new()
            {
                { "empty", [], "empty" },
                { "old GGML", "lmgg0123456789abcdef"u8.ToArray(), "before GGUF" },
                { "pickle", [0x80, 2, 0x8A, 10, 1, 2, 3, 4, 5], "pickle" },
                { "zip", "PK\u0003\u0004abcdefghijkl"u8.ToArray(), "pickle" },
                { "Git LFS pointer", "version https://git-lfs.github.com/spec/v1"u8.ToArray(), "git lfs pull" },
                { "web page", "<!DOCTYPE html><html>"u8.ToArray(), "web page" },
                { "anything else", "hello world, I am text"u8.ToArray(), "68656C6C6F" },
                { "version 1", GgufBytes.Head(0, 0, 1).ToArray(), "version 1" },
                { "version 4", GgufBytes.Head(0, 0, 4).ToArray(), "version 4" },
                { "big-endian", GgufBytes.Head(0, 0, 0x03000000).ToArray(), "big-endian" },
                { "tensor count of -1", GgufBytes.Head(ulong.MaxValue, 0).ToArray(), "18446744073709551615" },
                { "metadata count of -1", GgufBytes.Head(0, ulong.MaxValue).ToArray(), "18446744073709551615" },
                { "no extents", One([]).ToArray(), "0 extents" },
                { "nine extents", One([1, 1, 1, 1, 1, 1, 1, 1, 1]).ToArray(), "9 extents" },
                { "an extent of zero", One([4, 0]).ToArray(), "is 0" },
                { "an extent of -1", One([ulong.MaxValue]).ToArray(), "18446744073709551615" },
                { "extents that overflow", One([1u << 31, 1u << 31, 1u << 31, 1u << 31]).ToArray(), "larger than the file" },
                { "extents that overflow to a small product", One([1u << 30, 1u << 30, 16]).ToArray(), "larger than the file" },
                { "a tensor past the end", One([17]).ToArray(), "past the file's" },
                { "an offset past the end", One([4], F32, 1 << 20).ToArray(), "past the end" },
                { "an offset of -32", One([4], F32, unchecked((ulong)-32)).ToArray(), "past the end" },
                { "an offset off the alignment", One([4], F32, 8).ToArray(), "alignment" },
                { "half a block", One([16], 8).ToArray(), "Q8_0" },
                { "the same name twice", GgufBytes.Head(2, 0).Info("w", [4], F32, 0).Info("w", [4], F32, 32).Data(64).ToArray(), "two tensors" },
                { "overlapping tensors", GgufBytes.Head(2, 0).Info("a", [16], F32, 0).Info("b", [4], F32, 32).Data(64).ToArray(), "overlap" },
                { "the same key twice", GgufBytes.Head(0, 2).Key("k", GgufValueType.Bool).Raw([1]).Key("k", GgufValueType.Bool).Raw([1]).ToArray(), "twice" },
                { "an empty key", GgufBytes.Head(0, 1).Key("", GgufValueType.Bool).Raw([1, 0]).ToArray(), "0 bytes" },
                { "a key that is not UTF-8", GgufBytes.Head(0, 1).U64(2).Raw([0xC3, 0x28]).U32(7).Raw([1]).ToArray(), "UTF-8" },
                { "a string longer than the file", GgufBytes.Head(0, 1).Key("k", GgufValueType.String).U64(1 << 20).ToArray(), "1048576" },
                { "a string of -1 bytes", GgufBytes.Head(0, 1).Key("k", GgufValueType.String).U64(ulong.MaxValue).ToArray(), "18446744073709551615" },
                { "an array of -1 elements", GgufBytes.Head(0, 1).Key("k", GgufValueType.Array).U32(4).U64(ulong.MaxValue).ToArray(), "18446744073709551615" },
                { "an unknown value type", GgufBytes.Head(0, 1).Key("k", (GgufValueType)13).U64(0).ToArray(), "type 13" },
                { "an unknown element type", GgufBytes.Head(0, 1).Key("k", GgufValueType.Array).U32(99).U64(1).Raw([1]).ToArray(), "type 99" },
                { "arrays 2,000 deep", nested.ToArray(), "nested" },
                { "alignment 0", Aligned(0).ToArray(), "alignment is 0" },
                { "alignment 13", Aligned(13).ToArray(), "alignment is 13" },
                { "alignment 2^31", Aligned(1u << 31).ToArray(), "alignment is 2147483648" },
                { "alignment as a string", GgufBytes.Head(0, 1).Key("general.alignment", GgufValueType.String).Text("32").ToArray(), "String" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_file_that_lies_is_refused_by_name_and_unmapped(string what, byte[] bytes, string expected)
    {
        string path = _folder.Write("liar.gguf", bytes);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => GgufFile.Open(path));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), $"{what}: {error.Message}");
        Assert.Contains(path, error.Message);
        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void A_tensor_in_an_unsupported_type_is_listed_and_refused_when_wanted()
    {
        GgufBytes bytes = GgufBytes.Head(2, 0).Info("iq", [256], 16, 0).Info("new", [5], 77, 96).Data(256);
        using GgufFile file = GgufFile.Open(_folder.Write("iq.gguf", bytes.ToArray()));
        Assert.Equal(["IQ2_XXS", "type 77"], file.Tensors.Select(tensor => tensor.TypeName));
        Assert.Equal(66, file.Tensors[0].Bytes);
        Assert.Contains("IQ2_XXS", Assert.Throws<ModelFormatException>(() => file.GetTensor("iq")).Message);
        Assert.Contains("type 77", Assert.Throws<ModelFormatException>(() => file.GetTensor("new")).Message);
    }

    [Fact]
    public void Another_alignment_is_honoured()
    {
        GgufWriter writer = new(256);
        writer.AddTensor("a", Tensor.Of([1f], 1));
        writer.AddTensor("b", Tensor.Of([2f], 1));
        string path = _folder.Write("aligned.gguf", writer);
        using GgufFile file = GgufFile.Open(path);
        Assert.Equal(256, file.Alignment);
        Assert.All(file.Tensors, tensor => Assert.Equal(0, tensor.Offset % 256));
        Assert.Equal([2f], file.GetTensor("b").ToFloats());
    }

    [Fact]
    public void Disposing_unmaps_and_makes_later_use_an_error()
    {
        string path = _folder.Write("one.gguf", GgufBytes.Head(1, 1).Key("k", GgufValueType.UInt32).U32(1).Info("w", [4], 0, 0).Data(16).ToArray());
        GgufFile file = GgufFile.Open(path);
        Assert.True(_folder.OpenMappings > 0 || !OperatingSystem.IsLinux());
        file.Dispose();
        file.Dispose();
        Assert.Equal(0, _folder.OpenMappings);
        Assert.Throws<ObjectDisposedException>(() => file.GetTensor("w"));
        Assert.Throws<ObjectDisposedException>(() => file.Metadata.GetInt("k"));
    }

    [Fact]
    public void A_tensor_keeps_the_mapping_alive_when_the_file_is_forgotten()
    {
        string path = _folder.Write("one.gguf", GgufBytes.Head(1, 0).Info("w", [4], 0, 0).Data(16).ToArray());
        Tensor tensor = Forgotten(path);
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(new float[4], tensor.ToFloats());
        GC.KeepAlive(tensor);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static Tensor Forgotten(string path) => GgufFile.Open(path).GetTensor("w");
    }

    [Fact]
    public void Writing_that_fails_leaves_the_old_file_and_nothing_else()
    {
        string path = _folder.Write("model.gguf", "old"u8);
        GgufWriter writer = new();
        writer.AddTensor("w", TensorFormat.F32, [4], stream => stream.Write(new byte[15]));
        Assert.Throws<InvalidOperationException>(() => _folder.Write("model.gguf", writer));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Root));
    }

    [Fact]
    public void The_writer_refuses_the_same_name_twice_and_rows_of_half_blocks()
    {
        GgufWriter writer = new();
        writer.Add("k", 1u);
        Assert.Throws<ArgumentException>(() => writer.Add("k", 2u));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("w", TensorFormat.Q8_0, [33], _ => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(13));
    }

    [Fact]
    public void A_value_is_copied_from_file_to_file_as_it_is()
    {
        GgufBytes bytes = GgufBytes.Head(0, 1).Key("odd", GgufValueType.Array).U32((uint)GgufValueType.UInt16).U64(2).Raw([1, 2, 3, 4]);
        using GgufFile source = GgufFile.Open(_folder.Write("source.gguf", bytes.ToArray()));
        GgufWriter writer = new();
        writer.Copy(source.Metadata, "odd");
        using GgufFile copy = GgufFile.Open(_folder.Write("copy.gguf", writer));
        Assert.Equal([0x0201, 0x0403], copy.Metadata.GetIntArray("odd"));
        Assert.Equal(source.Metadata.TypeOf("odd"), copy.Metadata.TypeOf("odd"));
    }
}
