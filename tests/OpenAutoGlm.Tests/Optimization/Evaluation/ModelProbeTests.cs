using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Optimization.Evaluation;

public sealed class ModelProbeTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"probe-{Guid.NewGuid():n}.gguf");
    readonly ModelPackage _model;

    public ModelProbeTests()
    {
        ModelSynthesizer.Write(ModelShape.Find("glm4-tiny"), "F32", _path);
        _model = ModelPackage.Open(_path);
    }

    public void Dispose()
    {
        _model.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void Every_row_of_logits_is_what_the_reference_gives_and_a_shorter_window_is_a_prefix()
    {
        int[] window = [5, 9, 100, 7, 33];
        using CpuBackend cpu = new();
        using ModelProbe probe = new(_model.Config, _model.Weights, cpu, new ProbeOptions(40, TensorFormat.F32));
        using ModelProbe reference = new(_model.Config, _model.Weights, new ReferenceInterpreter(), new ProbeOptions(5, TensorFormat.F32));
        probe.Run(window);
        float[][] whole = [.. Enumerable.Range(0, 5).Select(i => probe.Logits(i).ToArray())];
        reference.Run(window);
        probe.Run(window.AsSpan(0, 3));

        for (int i = 0; i < 5; i++)
        {
            Assert.All(whole[i].Zip(reference.Logits(i).ToArray()), pair => Assert.Equal(pair.Second, pair.First, 1e-3f));
        }

        Assert.Equal(whole[2], probe.Logits(2).ToArray());
        Assert.Throws<ArgumentException>(() => probe.Run(new int[41]));
    }

    [Fact]
    public void A_plain_probe_shows_what_every_matrix_is_multiplied_with()
    {
        using CpuBackend cpu = new();
        using ModelProbe probe = new(_model.Config, _model.Weights, cpu, new ProbeOptions(8, Plain: true));
        List<string> seen = [];

        probe.Run([1, 2, 3], (step, execution) =>
        {
            if (step.Node.Op is MatMul)
            {
                seen.Add(step.Node.Inputs[1].Name);
                Assert.Equal(3, execution[step.Node.Inputs[0]].RowCount);
                Assert.Contains(execution[step.Node.Inputs[0]].Floats.ToArray(), value => value != 0);
            }
        });

        Assert.Contains("blk.1.ffn_down.weight", seen);
        Assert.Equal(probe.Graph.Nodes.Count(node => node.Op is MatMul), seen.Count);
    }

    [Fact]
    public void A_replaced_weight_counts_until_it_is_restored()
    {
        using CpuBackend cpu = new();
        WeightOverlay overlay = new(_model.Weights);
        Tensor old = _model.Weights.Get("output_norm.weight");
        overlay.Replace("output_norm.weight", Tensor.Of(old.ToFloats().Select(value => 2 * value).ToArray(), old.Shape.Last));

        float[] twice = LastLogits(cpu, overlay);
        overlay.Restore("output_norm.weight");

        Assert.Equal(LastLogits(cpu, _model.Weights).Select(logit => 2 * logit), twice);
        Assert.Equal(LastLogits(cpu, _model.Weights), LastLogits(cpu, overlay));
    }

    float[] LastLogits(CpuBackend cpu, OpenAutoGlm.Models.Architectures.IWeights weights)
    {
        using ModelProbe probe = new(_model.Config, weights, cpu, new ProbeOptions(4));
        probe.Run([1, 2, 3, 4]);
        return probe.Logits(3).ToArray();
    }
}
