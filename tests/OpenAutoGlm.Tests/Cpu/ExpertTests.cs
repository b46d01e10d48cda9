using System.Collections.Immutable;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public class ExpertTests
{
    [Theory]
    [InlineData(RouterScoring.Softmax, true, false)]
    [InlineData(RouterScoring.Sigmoid, true, true)]
    [InlineData(RouterScoring.Sigmoid, false, true)]
    public void The_choice_is_that_of_the_reference(RouterScoring scoring, bool renormalise, bool biased)
    {
        Tensor logits = KernelRun.Random(1, 2, 21, 12);
        Tensor bias = KernelRun.Random(2, 0.5f, 12);
        Tensor[] inputs = biased ? [logits, bias] : [logits];
        RowKernelTests.Check(0, new Router(scoring, 4, renormalise, 1.5f), inputs);
    }

    [Fact]
    public void Answers_are_combined() =>
        RowKernelTests.Check(2e-6, new CombineExperts(), KernelRun.Random(3, 1, 5, 3, 37), KernelRun.Random(4, 1, 5, 3));

    [Theory]
    [InlineData(TensorFormat.F32)]
    [InlineData(TensorFormat.Q8_0)]
    [InlineData(TensorFormat.Q4_K)]
    public void Each_pair_gets_the_bits_of_its_row_alone(TensorFormat format)
    {
        (int tokens, int used, int experts, int n, int k) = (13, 3, 6, 21, 256);
        Tensor weights = Tensor.Stack([.. Enumerable.Range(0, experts).Select(expert => KernelRun.RandomWeights(expert, format, n, k))]);
        int[] chosen = [.. Enumerable.Range(0, tokens).SelectMany(token => new[] { token % 5, (token + 1) % 5, 5 })];
        Tensor pairs = KernelRun.Ints(chosen, tokens, used);
        Tensor x = KernelRun.Random(9, 1, tokens, k);
        Tensor rows = KernelRun.Random(10, 1, tokens, used, k);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Tensor shared = KernelRun.Of(set, 2, false, new ExpertMatMul(), x, weights, pairs)[0];
            Tensor each = KernelRun.Of(set, 2, false, new ExpertMatMul(), rows, weights, pairs)[0];
            for (int pair = 0; pair < chosen.Length; pair += 4)
            {
                Tensor weight = weights.Parts[chosen[pair]];
                Tensor alone = KernelRun.Of(set, new MatMul(), x.Rows(pair / used, 1), weight)[0];
                KernelRun.AssertSameBits(alone, shared.Reshape(tokens * used, n).Rows(pair, 1), $"{format} {set} pair {pair}");
                alone = KernelRun.Of(set, new MatMul(), rows.Reshape(tokens * used, k).Rows(pair, 1), weight)[0];
                KernelRun.AssertSameBits(alone, each.Reshape(tokens * used, n).Rows(pair, 1), $"{format} {set} pair {pair} of its own");
            }
        }
    }

    [Theory]
    [InlineData(TensorFormat.Q8_0, false)]
    [InlineData(TensorFormat.Q4_K, false)]
    [InlineData(TensorFormat.Q6_K, false)]
    [InlineData(TensorFormat.BF16, false)]
    [InlineData(TensorFormat.Q4_K, true)]
    public void Emitted_code_gathers_rows_that_do_not_lie_side_by_side(TensorFormat format, bool asBFloat16)
    {
        // Of 80 tokens two experts in three each: some 53 rows for an expert, so that tiles of every kind meet them.
        (int tokens, int used, int n, int k) = (80, 2, 19, 768);
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best)) { TakesAllAsBFloat16 = asBFloat16 };
        Tensor x = KernelRun.Random(11, 1, tokens, k);
        Tensor weights = KernelRun.RandomWeights(12, format, 3, n, k);
        int[] chosen = [.. Enumerable.Range(0, tokens).SelectMany(token => (int[])[token % 3, (token + 1 + (token % 2)) % 3])];
        Tensor all = KernelRun.Of(InstructionSets.Best, code, 2, false, new ExpertMatMul(), x, weights, KernelRun.Ints(chosen, tokens, used))[0].Reshape(tokens * used, n);
        for (int pair = 0; pair < chosen.Length; pair += 7)
        {
            Tensor alone = KernelRun.Of(InstructionSets.Best, code, 1, false, new ExpertMatMul(), x.Rows(pair / used, 1), weights, KernelRun.Ints([chosen[pair], (chosen[pair] + 1) % 3], 1, used))[0].Reshape(used, n);
            KernelRun.AssertSameBits(alone.Rows(0, 1), all.Rows(pair, 1), $"{format} pair {pair}");
        }
    }

    [Fact]
    public void An_expert_that_does_not_exist_is_refused()
    {
        Tensor weights = KernelRun.Random(1, 1, 2, 4, 32);
        Tensor x = KernelRun.Random(2, 1, 1, 32);
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, new ExpertMatMul(), x, weights, KernelRun.Ints([2], 1, 1)));
    }
}
