using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Quantization;

namespace OpenAutoGlm.Evaluation;

/// <summary>Trained models on a real text: what is measured against what the reference and float64 arithmetic give.</summary>
public sealed class TrainedModelQualityTests
{
    public static TheoryData<string, string> Models => new()
    {
        { "stories260K", "stories260K-f32.gguf" },
        { "stories260K", "." },
        { "babyllama105", "babyllama105-f32.gguf" },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Perplexity_equals_that_of_the_reference_in_float64(string name, string file)
    {
        using ModelPackage model = ModelPackage.Open(SharedData.Path("models", name, file));
        TokenWindows windows = Windows(name, 4, 48);
        double sum = 0;
        using (ModelProbe probe = new(model.Config, model.Weights, new ReferenceInterpreter(), new ProbeOptions(windows.WindowTokens, TensorFormat.F32)))
        {
            foreach (var window in windows.Windows)
            {
                probe.Run(window.AsSpan());
                for (int i = windows.FirstScored; i < window.Length; i++)
                {
                    float[] logits = probe.Logits(i - 1).ToArray();
                    sum += Math.Log(logits.Sum(logit => Math.Exp(logit))) - logits[window[i]];
                }
            }
        }

        using CpuBackend cpu = new(new CpuOptions { ExactArithmetic = true });
        using QualityMeter meter = new(model.Config, model.Weights, cpu, windows);
        Assert.Equal(sum / windows.Scored, meter.Original.CrossEntropy, 1e-4);
        Assert.Equal(Math.Exp(sum / windows.Scored), meter.Original.Perplexity, 1e-3 * meter.Original.Perplexity);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Eight_bits_are_near_the_original_and_four_are_further(string name, string file)
    {
        using ModelPackage model = ModelPackage.Open(SharedData.Path("models", name, file));
        using CpuBackend cpu = new();
        using QualityMeter meter = new(model.Config, model.Weights, cpu, Windows(name, 8, 128));
        Quality eight = meter.Measure(Rounded(model, TensorFormat.Q8_0), cpu, TensorFormat.F32, cancellation: TestContext.Current.CancellationToken);
        Quality four = meter.Measure(Rounded(model, TensorFormat.Q4_0), cpu, TensorFormat.F32, cancellation: TestContext.Current.CancellationToken);

        Assert.InRange(eight.MeanKl, 1e-7, 0.002);
        Assert.InRange(eight.Top1Agreement, 0.97, 1);
        Assert.True(four.MeanKl > 5 * eight.MeanKl, $"{four.MeanKl} against {eight.MeanKl}");
        Assert.True(eight.KlP90 <= eight.KlP99 && eight.KlP99 <= eight.KlMax);
        Assert.True(eight.CrossEntropyChangeError < meter.Original.CrossEntropyError / 5);
    }

    [Fact]
    public void The_built_in_set_fills_windows_of_every_tokenizer_and_begins_each_with_its_marks()
    {
        foreach (string name in new[] { "stories260K/stories260K-f32.gguf", "babyllama105/babyllama105-f32.gguf" })
        {
            using ModelPackage model = ModelPackage.Open(SharedData.Path(["models", .. name.Split('/')]));
            TokenWindows windows = CalibrationData.BuiltIn.Windows(model.Tokenizer!, null, 64);
            Assert.True(windows.Windows.Length > 20);
            Assert.All(windows.Windows, window => Assert.Equal(model.Tokenizer!.Encode("a")[..windows.MarkTokens], window.AsSpan(0, windows.MarkTokens).ToArray()));
        }
    }

    [Fact]
    public void Conversations_go_through_the_template_and_carry_its_control_tokens()
    {
        using ModelPackage model = ModelPackage.Open(SharedData.Path("models", "stories260K", "stories260K-f32.gguf"));
        ChatTemplate template = ChatTemplate.Parse("{% for message in messages %}{{ bos_token }}{{ message.role }}: {{ message.content }}{{ eos_token }}{% endfor %}");
        TokenWindows rendered = CalibrationData.BuiltIn.Windows(model.Tokenizer!, template, 64);
        TokenWindows plain = CalibrationData.BuiltIn.Windows(model.Tokenizer!, null, 64);
        Assert.Contains(rendered.Windows, window => window.Contains(model.Tokenizer!.EosId!.Value));
        Assert.DoesNotContain(plain.Windows, window => window.Contains(model.Tokenizer!.EosId!.Value));
    }

    static TokenWindows Windows(string name, int count, int tokens)
    {
        // The folders of safetensors came without a tokenizer.
        using ModelPackage model = ModelPackage.Open(SharedData.Path("models", name, $"{name}-f32.gguf"));
        return TokenWindows.Of(model.Tokenizer!, File.ReadAllText(SharedData.Path("eval", "prose", "war_and_peace_part.txt")), tokens, count);
    }

    static WeightOverlay Rounded(ModelPackage model, TensorFormat format)
    {
        WeightOverlay rounded = new(model.Weights);
        foreach (string name in model.Weights.Names)
        {
            Tensor weight = model.Weights.Get(name);
            if (weight.Shape.Rank == 2 && weight.Shape.Last.Size % 32 == 0)
            {
                rounded.Replace(name, new Nearest().Round(weight, format, null));
            }
        }

        return rounded;
    }
}
