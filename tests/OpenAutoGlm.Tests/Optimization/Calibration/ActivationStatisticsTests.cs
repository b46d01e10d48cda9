using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Calibration;

public sealed class ActivationStatisticsTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"activations-{Guid.NewGuid():n}.gguf");
    readonly TokenWindows _windows = TokenWindows.Of([.. Enumerable.Range(0, 24).Select(i => (i * 37 % 250) + 1)], 8);

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("glm4-tiny")]
    [InlineData("glm4moe-tiny")]
    public void Every_matrix_has_statistics_under_its_whole_name(string shape)
    {
        using ModelPackage model = Open(shape);
        using CpuBackend cpu = new();
        ActivationStatistics statistics = ActivationStatistics.Collect(model.Config, model.Weights, cpu, _windows, new CalibrationOptions(), cancellation: TestContext.Current.CancellationToken);
        using ModelProbe probe = new(model.Config, model.Weights, cpu, new ProbeOptions(8, Plain: true));
        foreach (Graph.Node node in probe.Graph.Nodes.Where(node => node.Op is MatMul or ExpertMatMul))
        {
            Assert.True(statistics.TryGet(node.Inputs[1].Name, out ColumnStatistics? found), node.Inputs[1].Name);
            string whole = node.Inputs[1].Name.Split('[')[0];
            Assert.Contains(whole, statistics.Names);
            Assert.Equal(model.Weights.Get(whole).Shape.Last.Size, found.Columns);
            Assert.Equal(node.Op is ExpertMatMul ? 24 * model.Config.Experts!.Used : 24, found.Rows);
            Assert.Null(found.Gram);
        }

        Assert.DoesNotContain(statistics.Names, name => name.Contains('['));
        Assert.False(statistics.TryGet("attn_norm.weight", out _));
    }

    [Fact]
    public void Statistics_equal_those_of_the_rows_that_went_by()
    {
        using ModelPackage model = Open("glm4-tiny");
        using CpuBackend cpu = new();
        ActivationStatistics statistics = ActivationStatistics.Collect(model.Config, model.Weights, cpu, _windows, new CalibrationOptions { Gram = name => name == "blk.1.ffn_down.weight" }, cancellation: TestContext.Current.CancellationToken);
        using ModelProbe probe = new(model.Config, model.Weights, cpu, new ProbeOptions(8, Graph.Formats.TensorFormat.F32, Plain: true));
        List<float> seen = [];
        foreach (var window in _windows.Windows)
        {
            probe.Run(window.AsSpan(), (step, execution) => seen.AddRange(step.Node.Inputs is [var x, { Name: "blk.1.ffn_down.weight" }] ? execution[x].Floats : []));
        }

        Assert.True(statistics.TryGet("blk.1.ffn_down.weight", out ColumnStatistics? found));
        ColumnSums direct = new(found.Columns, withGram: true);
        direct.Add([.. seen]);
        ColumnStatistics expected = direct.ToStatistics();
        Assert.Equal(expected.MeanSquare, found.MeanSquare);
        Assert.Equal(expected.Max, found.Max);
        Assert.Equal(expected.Gram, found.Gram);
        Assert.True(statistics.TryGet("blk.0.ffn_down.weight", out ColumnStatistics? other) && other.Gram is null);
    }

    [Fact]
    public void An_expert_has_the_rows_that_were_sent_to_it_and_all_together_are_the_whole()
    {
        using ModelPackage model = Open("glm4moe-tiny");
        using CpuBackend cpu = new();
        ActivationStatistics statistics = ActivationStatistics.Collect(model.Config, model.Weights, cpu, _windows, new CalibrationOptions { Gram = name => name.Contains("_exps") }, cancellation: TestContext.Current.CancellationToken);
        foreach (string name in statistics.Names.Where(name => name.Contains("_exps")))
        {
            Assert.True(statistics.TryGet(name, out ColumnStatistics? all));
            Assert.Equal(model.Config.Experts!.Count, all.Experts.Length);
            Assert.Equal(all.Rows, all.Experts.Sum(expert => expert.Rows));
            Assert.True(all.Experts.Count(expert => expert.Rows > 0) > 1);
            for (int j = 0; j < all.Columns; j++)
            {
                Assert.Equal(all.Experts.Sum(expert => (double)expert.MeanSquare[j] * expert.Rows) / all.Rows, all.MeanSquare[j], 1e-5);
                Assert.Equal(all.MeanSquare[j], all.Gram![(j * all.Columns) + j], 1e-5);
            }
        }

        Assert.True(statistics.TryGet("blk.1.ffn_gate_exps.weight", out ColumnStatistics? gate) && statistics.TryGet("blk.1.ffn_up_exps.weight", out ColumnStatistics? up) && ReferenceEquals(gate, up));
    }

    [Fact]
    public void An_activation_that_is_no_number_is_named_with_its_weight_and_window()
    {
        using ModelPackage model = Open("glm4-tiny");
        WeightOverlay broken = new(model.Weights);
        broken.Replace("blk.1.ffn_norm.weight", Tensor.Of(model.Weights.Get("blk.1.ffn_norm.weight").ToFloats().Select((value, i) => i == 3 ? float.NaN : value).ToArray(), model.Weights.Get("blk.1.ffn_norm.weight").Shape.Last));
        using CpuBackend cpu = new();
        string message = Assert.Throws<EvaluationException>(() => ActivationStatistics.Collect(model.Config, broken, cpu, _windows, new CalibrationOptions(), cancellation: TestContext.Current.CancellationToken)).Message;
        Assert.StartsWith("Window 0: what blk.1.ffn_", message);
    }

    ModelPackage Open(string shape)
    {
        ModelSynthesizer.Write(ModelShape.Find(shape), "F32", _path);
        return ModelPackage.Open(_path);
    }
}
