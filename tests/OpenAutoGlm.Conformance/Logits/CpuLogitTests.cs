using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Logits;

/// <summary>The CPU backend against logits that nobody here computed, at the tolerances of the reference and of int8 activations.</summary>
[Trait("Matrix", "yes")]
public class CpuLogitTests
{
    public static TheoryData<string> Plain => LogitTests.Plain;

    public static TheoryData<string> Quantised => LogitTests.Quantised;

    [Theory]
    [MemberData(nameof(Plain))]
    public void The_cpu_agrees_with_every_F32_model_to_1e_4(string name)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        Assert.InRange(LogitTests.Compare(backend, name, "logits").Largest, 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Quantised))]
    public void Exact_arithmetic_on_the_cpu_agrees_to_1e_4(string name)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 2, ExactArithmetic = true });
        Assert.InRange(LogitTests.Compare(backend, name, "exact").Largest, 0, 1e-4);
    }

    /// <summary>
    /// What rounding activations to int8 per 32 may cost, beside weights of 4 bits and more. Keys and values in BF16 add
    /// nothing that is seen beside it; where activations are rounded to BF16 only, they do.
    /// </summary>
    [Theory]
    [MemberData(nameof(Quantised))]
    public void Rounded_activations_cost_no_more_than_four_percent(string name)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        bool halves = name.Contains("BF16", StringComparison.Ordinal) || name.Contains("-F16", StringComparison.Ordinal);
        Assert.InRange(LogitTests.Compare(backend, name, "exact", TensorFormat.BF16).RelativeRms, 0, halves ? 0.009 : 0.04);
        if (halves)
        {
            Assert.InRange(LogitTests.Compare(backend, name, "exact", TensorFormat.F16).RelativeRms, 0, 0.0065);
        }
    }

    /// <summary>What storing keys and values in fewer bits costs by itself: the plain models have exact weights.</summary>
    [Theory]
    [MemberData(nameof(Plain))]
    public void Keys_and_values_in_fewer_bits_cost_little(string name)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        Assert.InRange(LogitTests.Compare(backend, name, "logits", TensorFormat.F16).RelativeRms, 0, 5e-4);
        Assert.InRange(LogitTests.Compare(backend, name, "logits", TensorFormat.BF16).RelativeRms, 0, 5e-3);
    }

    [Theory]
    [MemberData(nameof(Quantised))]
    public void Prefill_and_single_tokens_give_the_same_bits(string name)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        using GoldenModel model = GoldenModel.Open(name);
        int tokens = GoldenModel.Prompt.Length;
        using ModelRun whole = new(backend, model.Config, model, tokens, TensorFormat.BF16);
        using ModelRun single = new(backend, model.Config, model, tokens, TensorFormat.BF16);
        float[] expected = whole.Run(GoldenModel.Prompt);
        float[] actual = [.. GoldenModel.Prompt.SelectMany(id => single.Run([id]))];
        Assert.Equal(expected, actual);
    }
}
