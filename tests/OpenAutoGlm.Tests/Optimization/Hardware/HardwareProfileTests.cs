using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Hardware;

public sealed class HardwareProfileTests : IDisposable
{
    static readonly GraphCost Model = new()
    {
        WeightBytes = 5_000_000_000,
        Parameters = 9_000_000_000,
        ActiveParameters = 8_400_000_000,
        BytesPerToken = 4_700_000_000,
        OperationsPerToken = 17_000_000_000,
        LogitOperations = 1_200_000_000,
        KvBytesPerToken = 40_960,
    };

    readonly string _file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".json");

    public void Dispose() => File.Delete(_file);

    static HardwareProfile Find(string name) => HardwareProfiles.Find(name, () => throw new InvalidOperationException("Nobody asked for this machine."));

    [Fact]
    public void Every_profile_is_found_by_its_name_in_any_case_and_says_where_it_is_from()
    {
        Assert.All(HardwareProfiles.All, profile =>
        {
            Assert.Same(profile, Find(profile.Name.ToUpperInvariant()));
            Assert.NotEmpty(profile.Source);
            Assert.False(profile.Measured);
            Assert.InRange(profile.UsableBytes, 1, profile.MemoryBytes);
            Assert.True((profile.HalfOperationsPerSecond ?? profile.FloatOperationsPerSecond) >= profile.FloatOperationsPerSecond);
            Assert.True((profile.ByteOperationsPerSecond ?? double.MaxValue) >= (profile.BFloat16OperationsPerSecond ?? profile.FloatOperationsPerSecond));
        });
        Assert.Equal(HardwareProfiles.All.Length, HardwareProfiles.All.Select(profile => profile.Name).Distinct().Count());
    }

    [Theory]
    [InlineData("a100", "a100-80")]
    [InlineData("RTX4090", "rtx-4090")]
    [InlineData("phone", "phone-arm")]
    public void Other_names_lead_to_the_same(string other, string name) => Assert.Equal(name, Find(other).Name);

    [Theory]
    [InlineData("h1000", "h100")]
    [InlineData("rtx_4090", "rtx-4090")]
    [InlineData("this-machin", "this-machine")]
    [InlineData("avx2-8g", "avx2-8gb")]
    public void An_unknown_name_is_answered_with_the_nearest_and_with_all(string wrong, string nearest)
    {
        string message = Assert.Throws<ArgumentException>(() => Find(wrong)).Message;
        Assert.Contains($"Did you mean '{nearest}'?", message, StringComparison.Ordinal);
        Assert.All(HardwareProfiles.Names, name => Assert.Contains(name, message, StringComparison.Ordinal));
    }

    [Fact]
    public void This_machine_is_what_was_measured()
    {
        MachineRates rates = new(20e9, 1e12, 2e12, 4e12);
        HardwareProfile profile = HardwareProfiles.Find("this-machine", () => HardwareProfile.ThisMachine("mine", 1L << 34, rates));
        Assert.True(profile.Measured);
        Assert.Equal(rates.Rate(TensorFormat.Q4_K), profile.Rate(TensorFormat.Q4_K));
        Assert.Equal(rates.Rate(TensorFormat.BF16), profile.Rate(TensorFormat.BF16));
        Assert.Equal(Model.BytesPerToken / 20e9, HardwareEstimate.Of(profile, Model with { KvBytesPerToken = 0 }, TensorFormat.Q4_K).DecodeSeconds, 12);
    }

    [Fact]
    public void A_profile_of_ones_own_is_read_from_a_file()
    {
        HardwareProfile mine = Find("desktop") with { Name = "under-my-desk", ReadBytesPerSecond = 61e9 };
        File.WriteAllText(_file, mine.ToJson());
        Assert.Equal(mine, Find(_file));
    }

    [Fact]
    public void What_a_file_leaves_out_is_the_usual()
    {
        File.WriteAllText(_file, """{"name": "mine", "title": "Mine", "kind": "processor", "memoryBytes": 8000000000, "readBytesPerSecond": 3e10, "floatOperationsPerSecond": 5e11, "source": "me"}""");
        HardwareProfile profile = Find(_file);
        Assert.Equal(0.9, profile.UsableMemory);
        Assert.Equal(1, profile.Sequences);
        Assert.Equal(5e11, profile.Rate(TensorFormat.Q4_K));
    }

    [Theory]
    [InlineData("memoryBytes", "0")]
    [InlineData("readBytesPerSecond", "-3")]
    [InlineData("usableMemory", "1.5")]
    [InlineData("name", "\" \"")]
    [InlineData("kind", "\"abacus\"")]
    [InlineData("byteOperationsPerSecond", "0")]
    public void A_file_with_an_impossible_number_is_refused_by_its_name(string field, string value)
    {
        JsonNode json = JsonNode.Parse(Find("t4").ToJson())!;
        json[field] = JsonNode.Parse(value);
        string message = Assert.Throws<FormatException>(() => HardwareProfile.FromJson(json.ToJsonString())).Message;
        Assert.Contains(field, message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void More_memory_bandwidth_never_makes_writing_slower_and_longer_contexts_never_faster()
    {
        foreach (HardwareProfile profile in HardwareProfiles.All)
        {
            HardwareEstimate estimate = HardwareEstimate.Of(profile, Model, TensorFormat.Q4_K);
            Assert.True(HardwareEstimate.Of(profile with { ReadBytesPerSecond = profile.ReadBytesPerSecond * 2 }, Model, TensorFormat.Q4_K).DecodeSeconds <= estimate.DecodeSeconds);
            Assert.True(HardwareEstimate.Of(profile, Model, TensorFormat.Q4_K, context: 32768).DecodeSeconds >= estimate.DecodeSeconds);
            Assert.True(HardwareEstimate.Of(profile, Model, TensorFormat.Q4_K, sequences: 8).DecodeTokensPerSecond >= estimate.DecodeTokensPerSecond * 0.999);
            Assert.True(estimate.PrefillTokensPerSecond > 0);
        }
    }

    [Fact]
    public void A_model_fits_up_to_the_last_byte_that_is_left_to_it()
    {
        HardwareProfile profile = Find("h100") with { MemoryBytes = 10_000_000_000, UsableMemory = 1 };
        long most = HardwareEstimate.Of(profile, Model, TensorFormat.Q4_K).MostTokens(Model.KvBytesPerToken);
        Assert.True(HardwareEstimate.Of(profile, Model, TensorFormat.Q4_K, context: (int)most).Fits);
        Assert.False(HardwareEstimate.Of(profile, Model, TensorFormat.Q4_K, context: (int)most + 1).Fits);
        Assert.False(HardwareEstimate.Of(Find("avx2-8gb"), Model with { WeightBytes = 18_000_000_000 }, TensorFormat.BF16).Fits);
    }

    [Fact]
    public void A_row_of_the_report_states_its_conditions_and_its_source()
    {
        HardwareEstimate after = HardwareEstimate.Of(Find("t4"), Model, TensorFormat.Q4_K, sequences: 4);
        HardwareEstimate before = HardwareEstimate.Of(Find("t4"), Model with { WeightBytes = 18_000_000_000 }, TensorFormat.BF16, sequences: 4);
        Reports.ElsewhereEstimate row = after.ToRow(before);
        Assert.True(row.Fits);
        Assert.False(row.FitsBefore);
        Assert.Equal("4 sequences, 2,048 tokens each", row.Conditions);
        Assert.Contains("data sheet", row.Source, StringComparison.Ordinal);
    }
}
