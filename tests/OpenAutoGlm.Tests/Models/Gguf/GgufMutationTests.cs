using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Gguf;

public sealed class GgufMutationTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_cut_at_any_byte_is_refused()
    {
        byte[] whole = Sample(out _);
        for (int length = 0; length < whole.Length; length++)
        {
            string path = _folder.Write("cut.gguf", whole.AsSpan(0, length));
            ModelFormatException? error = Assert.Throws<ModelFormatException>(() => GgufFile.Open(path));
            Assert.Contains(path, error.Message);
        }

        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void A_mutated_file_is_read_whole_or_refused()
    {
        byte[] whole = Sample(out int head);
        Random random = new(20261120);
        int opened = 0;
        for (int i = 0; i < Mutation.Count; i++)
        {
            string path = _folder.Write("mutant.gguf", Mutation.Of(whole, head, random));
            try
            {
                using GgufFile file = GgufFile.Open(path);
                ReadEverything(file);
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

    static void ReadEverything(GgufFile file)
    {
        foreach (string key in file.Metadata.Keys)
        {
            Assert.NotNull(file.Metadata.Display(key));
            (GgufValueType type, GgufValueType elementType, _) = file.Metadata.TypeOf(key);
            if (type == GgufValueType.Array && elementType == GgufValueType.String)
            {
                file.Metadata.GetStringArray(key);
            }
            else if (type == GgufValueType.Array)
            {
                file.Metadata.TryGetFloatArray(key, out _);
            }
        }

        foreach (TensorInfo info in file.Tensors)
        {
            if (info.Format is not null)
            {
                Tensor tensor = file.GetTensor(info.Name);
                Assert.Equal(info.Elements, tensor.ToFloats().Length);
            }
        }
    }

    byte[] Sample(out int head)
    {
        GgufWriter writer = new();
        writer.Add("general.architecture", "llama");
        writer.Add("llama.block_count", 2u);
        writer.Add("llama.rope.freq_base", 1e4f);
        writer.Add("flag", false);
        writer.Add("tokens", ["a", "bc", "def"]);
        writer.Add("types", [1, 2, 3]);
        writer.Add("scores", [0.5f, 1f]);
        writer.AddTensor("a.weight", Tensor.Of(new float[12], 3, 4));
        writer.AddTensor("b.weight", Tensor.Of(new float[6], 6));
        string path = _folder.Write("sample.gguf", writer);
        using GgufFile file = GgufFile.Open(path);
        head = (int)file.Tensors[0].Offset;

        // Without the padding behind the last tensor every cut is a loss.
        return File.ReadAllBytes(path)[..(int)(file.Tensors[1].Offset + file.Tensors[1].Bytes)];
    }
}
