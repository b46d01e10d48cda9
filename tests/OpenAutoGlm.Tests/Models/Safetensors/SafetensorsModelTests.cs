using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Safetensors;

public sealed class SafetensorsModelTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Shards_are_found_through_the_index()
    {
        WriteShard("one.safetensors", "a", 1);
        WriteShard("two.safetensors", "b", 2);
        WriteIndex("""{"metadata":{"total_size":8},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}""");
        using SafetensorsModel model = SafetensorsModel.Open(_folder.Root);
        Assert.Equal(2, model.Files.Count);
        Assert.Equal(["a", "b"], model.Tensors.Select(tensor => tensor.Name));
        Assert.True(model.TryGetTensor("b", out Tensor? b));
        Assert.Equal([2f], b.ToFloats());
        Assert.False(model.TryGetTensor("c", out _));
    }

    [Fact]
    public void A_single_file_needs_no_index_and_may_have_any_name()
    {
        WriteShard("weights.safetensors", "a", 1);
        using SafetensorsModel byFolder = SafetensorsModel.Open(_folder.Root);
        using SafetensorsModel byFile = SafetensorsModel.Open(_folder.File("weights.safetensors"));
        Assert.True(byFolder.Contains("a") && byFile.Contains("a"));
    }

    [Theory]
    [InlineData("../one.safetensors")]
    [InlineData("/etc/one.safetensors")]
    [InlineData("sub/one.safetensors")]
    [InlineData("..\\\\one.safetensors")]
    [InlineData("C:one.safetensors")]
    [InlineData("one.bin")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("\\u0000.safetensors")]
    [InlineData("\\ud800.safetensors")]
    public void An_index_cannot_reach_outside_its_folder(string shard)
    {
        WriteShard("one.safetensors", "a", 1);
        WriteIndex("""{"weight_map":{"a":"SHARD"}}""".Replace("SHARD", shard, StringComparison.Ordinal));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(_folder.Root));
        Assert.Contains("index.json", error.Message);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"one.safetensors","b":"gone.safetensors"}}""", "gone.safetensors")]
    [InlineData("""{"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}""", "b")]
    [InlineData("""{"weight_map":{"a":"one.safetensors","a":"one.safetensors"}}""", "JSON")]
    [InlineData("""{"weight_map":{"a":1}}""", "a")]
    [InlineData("""{"weight_map":[]}""", "weight_map")]
    [InlineData("""{}""", "weight_map")]
    [InlineData("""[]""", "root")]
    [InlineData("""{"weight_map":""", "line 1")]
    public void An_index_that_lies_is_refused_and_every_shard_unmapped(string index, string field)
    {
        WriteShard("one.safetensors", "a", 1);
        WriteIndex(index);
        Assert.Equal(field, Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(_folder.Root)).Field);
        Assert.Equal(0, _folder.OpenMappings);
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("model.pt")]
    [InlineData("consolidated.00.pth")]
    [InlineData("model.ckpt")]
    public void Pickle_files_are_refused_by_name_with_the_remedy(string name)
    {
        _folder.Write(name, [0x80, 2, 0x8A]);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(_folder.Root));
        Assert.Contains(name, error.Message);
        Assert.Contains("safetensors", error.Message);
    }

    [Fact]
    public void Several_files_without_an_index_are_refused()
    {
        WriteShard("one.safetensors", "a", 1);
        WriteShard("two.safetensors", "b", 2);
        Assert.Contains("no index", Assert.Throws<ModelFormatException>(() => SafetensorsModel.Open(_folder.Root)).Message);
    }

    void WriteShard(string file, string name, float value)
    {
        SafetensorsWriter writer = new();
        writer.Add(name, Tensor.Of([value], 1));
        writer.Write(_folder.File(file));
    }

    void WriteIndex(string text) => _folder.Write("model.safetensors.index.json", text);
}
