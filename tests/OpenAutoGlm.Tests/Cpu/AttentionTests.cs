using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public class AttentionTests
{
    [Theory]
    [InlineData(4, 2, 64, 8, 0)]
    [InlineData(6, 2, 80, 16, 0)]
    [InlineData(2, 2, 7, 4, 5)]
    [InlineData(8, 1, 128, 32, 20)]
    public void Attention_agrees_with_the_reference(int heads, int kvHeads, int headDim, int blockTokens, int window)
    {
        PagedAttention op = new(0.2f, blockTokens, window);
        Tensor[] inputs = Inputs(heads, kvHeads, headDim, blockTokens, positions: [0, 3, 36, 70, 5, 71], sequences: [0, 0, 0, 0, 1, 1]);
        RowKernelTests.Check(3e-6, op, inputs);
    }

    [Fact]
    public void A_token_alone_and_in_a_batch_and_on_any_number_of_threads_gets_the_same_bits()
    {
        PagedAttention op = new(0.125f, 16);
        int[] positions = [.. Enumerable.Range(0, 40), 17, 63];
        int[] sequences = [.. Enumerable.Repeat(0, 40), 1, 1];
        Tensor[] batch = Inputs(4, 2, 64, 16, positions, sequences);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Tensor all = KernelRun.Of(set, 4, false, op, batch)[0];
            foreach (int token in (int[])[0, 15, 16, 39, 40, 41])
            {
                Tensor[] alone = [batch[0].Rows(token, 1), batch[1], batch[2], batch[3].Rows(token, 1), batch[4].Rows(token, 1), batch[5]];
                KernelRun.AssertSameBits(all.Rows(token, 1), KernelRun.Of(set, op, alone)[0], $"{set} token {token}");
            }
        }
    }

    [Fact]
    public void The_place_of_a_block_in_memory_does_not_matter()
    {
        PagedAttention op = new(0.125f, 8);
        Tensor[] inputs = Inputs(2, 1, 16, 8, [60], [0]);
        Tensor expected = KernelRun.Of(InstructionSets.Best, op, inputs)[0];

        // Blocks 0 and 5 of sequence 0 change places, in the memory and in the table.
        Tensor keys = Tensor.Of(inputs[1].View.Floats, [.. inputs[1].Shape.Dims]);
        Tensor values = Tensor.Of(inputs[2].View.Floats, [.. inputs[2].Shape.Dims]);
        Tensor table = Tensor.Of(inputs[5].View.Ints, [.. inputs[5].Shape.Dims]);
        (int first, int second) = (table.View.Ints[0], table.View.Ints[5]);
        foreach (Tensor memory in (Tensor[])[keys, values])
        {
            Span<float> floats = memory.View.Floats;
            for (int i = 0; i < 8 * 16; i++)
            {
                (floats[(first * 128) + i], floats[(second * 128) + i]) = (floats[(second * 128) + i], floats[(first * 128) + i]);
            }
        }

        (table.View.Ints[0], table.View.Ints[5]) = (second, first);
        KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSets.Best, op, inputs[0], keys, values, inputs[3], inputs[4], table)[0]);
    }

    [Fact]
    public void A_block_or_slot_outside_the_memory_is_refused()
    {
        PagedAttention op = new(0.125f, 8);
        Tensor[] inputs = Inputs(2, 1, 16, 8, [60], [0]);
        inputs[5].View.Ints[2] = 1000;
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, op, inputs));
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, new KvWrite(), inputs[1], KernelRun.Random(1, 1, 1, 1, 16), KernelRun.Ints([-1], 1)));
    }

    [Fact]
    public void Rows_are_written_to_their_slots()
    {
        Tensor rows = KernelRun.Random(5, 1, 3, 2, 7);
        Tensor slots = KernelRun.Ints([4, 0, 2], 3);
        Tensor expected = KernelRun.Reference(new KvWrite(), KernelRun.Random(6, 1, 5, 2, 7), rows, slots)[0];
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(expected, KernelRun.Of(set, new KvWrite(), KernelRun.Random(6, 1, 5, 2, 7), rows, slots)[0]);
        }
    }

    static Tensor[] Inputs(int heads, int kvHeads, int headDim, int blockTokens, int[] positions, int[] sequences)
    {
        int blocks = (positions.Max() / blockTokens) + 1;
        int[] table = [.. Enumerable.Range(0, 2 * blocks)];
        new Random(4).Shuffle(table);
        int tokens = positions.Length;
        return
        [
            KernelRun.Random(1, 4, tokens, heads, headDim),
            KernelRun.Random(2, 1, 2 * blocks * blockTokens, kvHeads, headDim),
            KernelRun.Random(3, 1, 2 * blocks * blockTokens, kvHeads, headDim),
            KernelRun.Ints(positions, tokens),
            KernelRun.Ints(sequences, tokens),
            KernelRun.Ints(table, 2, blocks),
        ];
    }
}
