using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Analysis;

public class ModelAnalysisTests
{
    static readonly MachineRates Machine = new(10e9, 100e9, 200e9, 400e9);

    static readonly ModelConfig Config = new()
    {
        Architecture = "llama",
        Layers = 2,
        Hidden = 256,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 64,
        Inner = 512,
        Vocab = 300,
        ContextLength = 128,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig(Graph.Ops.RopePairing.Interleaved, 64, 10000),
    };

    static ModelAnalysis Analysed(TensorFormat format, AnalysisOptions? options = null)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 1 });
        return ModelAnalysis.Of(Config, new MadeWeights(format), backend, options ?? new AnalysisOptions { Machine = Machine, Depth = 32, PromptTokens = 64, Sequences = 3, Repetitions = 2 }, cancellation: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Every_weight_is_in_one_share_of_the_memory_and_every_byte_in_one_total()
    {
        ModelAnalysis analysis = Analysed(TensorFormat.F32);
        Assert.Equal(analysis.Cost.WeightBytes, analysis.Memory.Where(share => share.Kind == MemoryKind.Weights).Sum(share => share.Bytes));
        MemoryShare kv = Assert.Single(analysis.Memory, share => share.Kind == MemoryKind.Kv);
        Assert.Equal(128 * analysis.Cost.KvBytesPerToken, kv.Bytes);
        Assert.Equal(analysis.Memory.Sum(share => share.Bytes), Assert.Single(analysis.Totals).Bytes);
        Assert.DoesNotContain(analysis.Memory, share => share.What == "other");
    }

    [Fact]
    public void Operators_are_told_apart_by_what_they_do_and_where()
    {
        AnalysedRun decode = Analysed(TensorFormat.F32).Runs[0];
        Assert.Equal(
            ["attention", "attention output", "attention q/k/v", "ffn down", "ffn gate and up", "head"],
            decode.Operators.Where(one => one.WeightBytes > 1000 || one.Operator == "attention").Select(one => one.Part.Length == 0 ? one.Operator : one.Part).Where(name => name != "embedding").Distinct().Order());
        Assert.Equal(2, decode.Operators.Where(one => one.Part == "ffn down").Sum(one => one.Steps));
    }

    [Fact]
    public void Each_way_of_running_is_timed_and_its_operators_make_up_its_time()
    {
        ModelAnalysis analysis = Analysed(TensorFormat.F32);
        Assert.Equal([RunKind.Decode, RunKind.Prefill, RunKind.Batch], analysis.Runs.Select(run => run.Kind));
        Assert.All(analysis.Runs, run =>
        {
            Assert.True(run.Seconds > 0);
            Assert.Equal(run.Seconds!.Value, run.Operators.Sum(one => one.Seconds!.Value), 9);
            Assert.Equal(run.FloorSeconds, run.Operators.Sum(one => one.FloorSeconds), 9);
            Assert.Equal(run.Operators.OrderByDescending(one => one.Cost), run.Operators);
        });
    }

    [Fact]
    public void Without_repetitions_nothing_is_timed_and_floors_stay()
    {
        AnalysisOptions options = new() { Machine = Machine, Depth = 32, PromptTokens = 64, Sequences = 3, Repetitions = 0 };
        ModelAnalysis analysis = Analysed(TensorFormat.F32, options);
        Assert.All(analysis.Runs, run => Assert.Null(run.Seconds));
        Assert.Equal(Analysed(TensorFormat.F32, options with { Repetitions = 1 }).Runs.Select(run => Math.Round(run.FloorSeconds, 12)), analysis.Runs.Select(run => Math.Round(run.FloorSeconds, 12)));
    }

    [Fact]
    public void Decoding_waits_for_memory_and_a_long_prompt_for_arithmetic()
    {
        ModelAnalysis analysis = Analysed(TensorFormat.F32);
        Assert.All(analysis.Runs[0].Operators.Where(one => one.Operator == "product"), one => Assert.Equal(OperatorBound.Memory, one.Bound));
        Assert.Contains(analysis.Runs[1].Operators, one => one is { Part: "ffn gate and up", Bound: OperatorBound.Compute });
        Assert.True(analysis.Runs[0].MemoryBoundShare > 0.9);
    }

    [Fact]
    public void Storing_weights_in_fewer_bits_is_advised_with_the_bytes_that_it_saves_and_only_where_it_saves()
    {
        ModelAnalysis wide = Analysed(TensorFormat.F32, new AnalysisOptions { Machine = Machine, Depth = 32, Repetitions = 0 });
        Advice four = Assert.Single(wide.Advice, advice => advice.Title == "store weights in Q4_K");
        Assert.InRange(four.Gain, 4, 7.2);
        Assert.InRange(four.SavedBytes, wide.Cost.WeightBytes * 0.7, wide.Cost.WeightBytes);
        Assert.True(four.Gain > Assert.Single(wide.Advice, advice => advice.Title == "store weights in Q8_0").Gain);
        Assert.Equal(wide.Advice.OrderByDescending(advice => advice.Gain).ThenByDescending(advice => advice.SavedBytes), wide.Advice);
        ModelAnalysis narrow = Analysed(TensorFormat.Q8_0, new AnalysisOptions { Machine = Machine, Depth = 32, Repetitions = 0 });
        Assert.DoesNotContain(narrow.Advice, advice => advice.Title == "store weights in Q8_0");
    }

    [Fact]
    public void More_is_asked_of_no_model_than_it_was_made_for()
    {
        ModelAnalysis analysis = Analysed(TensorFormat.F32, new AnalysisOptions { Machine = Machine, Depth = 100_000, PromptTokens = 100_000, Sequences = 2, Repetitions = 1 });
        Assert.Equal(127, analysis.Runs[0].Sizes.Depth);
        Assert.Equal(128, analysis.Runs[1].Sizes.Tokens);
    }

    [Fact]
    public void A_model_that_beats_its_floor_is_said_to_lie_in_the_caches()
    {
        AnalysisOptions slow = new() { Machine = new MachineRates(1e3, 1e3, 1e3, 1e3), Depth = 32, PromptTokens = 8, Sequences = 1, Repetitions = 1 };
        Assert.Contains("caches", Assert.Single(Analysed(TensorFormat.F32, slow).Notes), StringComparison.Ordinal);
        Assert.Empty(Analysed(TensorFormat.F32, slow with { Machine = new MachineRates(1e15, 1e18, 1e18, 1e18) }).Notes);
    }

    [Fact]
    public void An_analysis_can_be_cancelled()
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 1 });
        Assert.Throws<OperationCanceledException>(() => ModelAnalysis.Of(Config, new MadeWeights(TensorFormat.F32), backend, new AnalysisOptions { Machine = Machine }, cancellation: new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData("blk.3.attn_q.weight", "attention q/k/v")]
    [InlineData("blk.11.attn_qkv.weight[0..64]", "attention q/k/v")]
    [InlineData("blk.3.attn_output.weight", "attention output")]
    [InlineData("blk.3.ffn_up.weight", "ffn gate and up")]
    [InlineData("blk.3.ffn_down.weight", "ffn down")]
    [InlineData("blk.3.ffn_down_exps.weight", "experts down")]
    [InlineData("blk.3.ffn_gate_inp.weight", "router")]
    [InlineData("blk.3.attn_norm.weight", "norms")]
    [InlineData("output.weight", "head")]
    [InlineData("output_norm.weight", "norms")]
    [InlineData("token_embd.weight", "embedding")]
    [InlineData("something", "other")]
    public void A_name_tells_a_role(string name, string role) => Assert.Equal(role, TensorRole.Of(name));

    /// <summary>Weights of any shape that is asked for, filled with small numbers.</summary>
    sealed class MadeWeights(TensorFormat format) : IWeights
    {
        static readonly string[] Parts = ["token_embd", "output_norm", "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];

        readonly Dictionary<string, Tensor> _made = [];

        public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight)
        {
            string part = name.Split('.')[^2];
            weight = name.EndsWith(".weight", StringComparison.Ordinal) && Parts.Contains(part) ? Made(name) : null;
            return weight is not null;
        }

        public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ArgumentException($"There is no {name}.", nameof(name));

        Tensor Made(string name)
        {
            if (!_made.TryGetValue(name, out Tensor? tensor))
            {
                int[] shape = name.Contains("norm", StringComparison.Ordinal) ? [256]
                    : name.StartsWith("token_embd", StringComparison.Ordinal) ? [300, 256]
                    : name.Contains("attn_k", StringComparison.Ordinal) || name.Contains("attn_v", StringComparison.Ordinal) ? [128, 256]
                    : name.Contains("attn_", StringComparison.Ordinal) ? [256, 256]
                    : name.Contains("ffn_down", StringComparison.Ordinal) ? [256, 512]
                    : [512, 256];
                tensor = Tensor.Allocate(shape.Length == 1 ? TensorFormat.F32 : format, [.. shape.Select(size => (Dim)size)]);
                tensor.Fill(0);
                _made[name] = tensor;
            }

            return tensor;
        }
    }
}
