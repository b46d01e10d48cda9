using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public sealed class AttentionTests : IDisposable
{
    readonly CodeLibrary _code = new(CodeLibrary.Allowed(InstructionSets.Best));
    readonly CodeLibrary _pairs = new(CodeLibrary.Allowed(InstructionSets.Best)) { Order = PairOrder.Pairs };
    readonly CodeLibrary _otherPairs = new(CodeLibrary.Allowed(InstructionSets.Best)) { Order = PairOrder.Pairs, PairsAreFaster = !PairRates.PairsAreFaster(new CodeLibrary(CodeLibrary.Allowed(InstructionSets.Best))) };

    public static TheoryData<TensorFormat> Formats => [.. KvLayout.Formats];

    /// <summary>Heads, KV heads, width, block, window: groups of 1 to 12 heads, widths that fill no vector, ragged blocks.</summary>
    public static TheoryData<int, int, int, int, int> Shapes => new()
    {
        { 4, 2, 64, 16, 0 },
        { 6, 2, 80, 16, 0 },
        { 2, 2, 6, 48, 5 },
        { 8, 1, 128, 32, 20 },
        { 3, 3, 32, 16, 0 },
        { 5, 1, 16, 16, 33 },
        { 7, 1, 96, 32, 0 },
        { 12, 1, 32, 64, 130 },
        { 16, 2, 40, 32, 0 },
    };

    public void Dispose()
    {
        _code.Dispose();
        _pairs.Dispose();
        _otherPairs.Dispose();
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Attention_agrees_with_the_reference_in_every_format(int heads, int kvHeads, int headDim, int blockTokens, int window)
    {
        PagedAttention op = new(0.2f, blockTokens, window);
        foreach (TensorFormat format in KvLayout.Formats.Where(format => headDim % BlockFormat.Of(format).BlockElements == 0))
        {
            Tensor[] inputs = Inputs(format, heads, kvHeads, headDim, blockTokens, positions: [0, 3, 36, 70, 5, 71, 250, .. Enumerable.Range(118, 21)], sequences: [0, 0, 0, 0, 1, 1, 1, .. new int[21]]);
            Tensor reference = KernelRun.Reference(op, inputs)[0];
            foreach (PairOrder order in Enum.GetValues<PairOrder>())
            {
                using CodeLibrary none = new(EmittedFeatures.None) { Order = order };
                Tensor twin = KernelRun.Of(InstructionSet.Scalar, none, 1, false, op, inputs)[0];

                // With F32 and F16 nothing is rounded but sums; with BF16 and Q8_0 the queries and weights are, to 8 bits.
                KernelRun.AssertClose(reference, twin, format is TensorFormat.F32 or TensorFormat.F16 ? 3e-6 : 1.5e-2, $"{format} {order}");
                foreach (InstructionSet set in InstructionSets.Available)
                {
                    KernelRun.AssertSameBits(twin, KernelRun.Of(set, none, 1, false, op, inputs)[0], $"{format} {order} {set}");
                }

                foreach (CodeLibrary code in ((CodeLibrary[])[_code, _pairs, _otherPairs]).Where(code => code.Order == order))
                {
                    KernelRun.AssertSameBits(twin, KernelRun.Of(InstructionSets.Best, code, 1, false, op, inputs)[0], $"{format} {order} emitted");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_token_alone_and_in_a_batch_and_on_any_number_of_threads_gets_the_same_bits(TensorFormat format)
    {
        PagedAttention op = new(0.125f, 16);
        int[] positions = [.. Enumerable.Range(0, 40), 17, 63];
        int[] sequences = [.. Enumerable.Repeat(0, 40), 1, 1];
        Tensor[] batch = Inputs(format, 4, 2, 64, 16, positions, sequences);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Tensor all = KernelRun.Of(set, _code, 4, false, op, batch)[0];
            foreach (int token in (int[])[0, 15, 16, 39, 40, 41])
            {
                KernelRun.AssertSameBits(all.Rows(token, 1), KernelRun.Of(set, op, Some(batch, token, 1))[0], $"{set} token {token}");
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(700)]
    public void A_long_context_gives_the_same_bits_however_it_is_cut(int window)
    {
        // Three partitions; one token alone on many threads is cut into them, the others walk them in their tiles.
        PagedAttention op = new(0.3f, 32, window);
        int[] positions = [.. Enumerable.Range(2040, 30), 1023, 1024];
        Tensor[] batch = Inputs(TensorFormat.BF16, 6, 1, 64, 32, positions, [.. new int[30], 1, 1]);
        Tensor expected = KernelRun.Of(InstructionSet.Scalar, op, batch)[0];
        KernelRun.AssertClose(KernelRun.Reference(op, batch)[0], expected, 1.5e-2);
        KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSets.Best, _code, 3, false, op, batch)[0], "whole");
        foreach ((int start, int count) in ((int, int)[])[(0, 1), (29, 1), (30, 2), (5, 3), (8, 22)])
        {
            foreach (int threads in (int[])[1, 5])
            {
                Tensor part = KernelRun.Of(InstructionSets.Best, _code, threads, false, op, Some(batch, start, count))[0];
                KernelRun.AssertSameBits(expected.Rows(start, count), part, $"{count} from {start} on {threads} threads");
            }
        }
    }

    [Fact]
    public void Many_sequences_of_one_token_get_what_each_gets_alone()
    {
        PagedAttention op = new(0.2f, 16);
        Tensor[] batch = Inputs(TensorFormat.BF16, 8, 2, 64, 16, [.. Enumerable.Range(0, 33).Select(i => i * 7)], [.. Enumerable.Range(0, 33)]);
        Tensor all = KernelRun.Of(InstructionSets.Best, _code, 3, false, op, batch)[0];
        for (int token = 0; token < 33; token++)
        {
            KernelRun.AssertSameBits(all.Rows(token, 1), KernelRun.Of(InstructionSets.Best, _code, 1, false, op, Some(batch, token, 1))[0], $"{token}");
        }
    }

    [Fact]
    public void The_place_and_the_size_of_blocks_do_not_matter()
    {
        Tensor expected = Answer(seed: 4, 16);
        KernelRun.AssertSameBits(expected, Answer(seed: 5, 16));
        KernelRun.AssertSameBits(expected, Answer(seed: 6, 48));
        KernelRun.AssertSameBits(expected, Answer(seed: 7, 256));

        Tensor Answer(int seed, int blockTokens) =>
            KernelRun.Of(InstructionSets.Best, _code, 1, false, new PagedAttention(0.125f, blockTokens), Inputs(TensorFormat.BF16, 2, 1, 16, blockTokens, [200, 201], [0, 0], seed))[0];
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_others_left_in_a_block_does_no_harm(TensorFormat format)
    {
        PagedAttention op = new(0.2f, 16);
        Tensor[] clean = Inputs(format, 4, 2, 32, 16, [20, 37], [0, 0]);
        Tensor[] dirty = Inputs(format, 4, 2, 32, 16, [20, 37], [0, 0], leftover: 0xFF); // NaN in every format
        Tensor expected = KernelRun.Of(InstructionSet.Scalar, op, clean)[0];
        Assert.DoesNotContain(expected.ToFloats(), float.IsNaN);
        KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSet.Scalar, op, dirty)[0]);
        KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSets.Best, _code, 2, false, op, dirty)[0]);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Blocks_that_a_window_has_passed_are_not_read(TensorFormat format)
    {
        const int Window = 20;
        int[] positions = [.. Enumerable.Range(299, 9)];
        PagedAttention op = new(0.2f, 16, Window);
        Tensor[] inputs = Inputs(format, 4, 2, 32, 16, positions, new int[positions.Length]);
        Tensor expected = KernelRun.Of(InstructionSet.Scalar, op, inputs)[0];
        Tensor reference = KernelRun.Reference(op, inputs)[0];
        Span<int> table = inputs[5].View.Ints;
        int forgotten = table[0];
        inputs[1].Piece(forgotten).Fill(0xFF); // NaN in every format
        inputs[2].Piece(forgotten).Fill(0xFF);
        table[..((positions[0] - Window + 1) / 16)].Fill(forgotten);
        KernelRun.AssertSameBits(reference, KernelRun.Reference(op, inputs)[0]);
        KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSet.Scalar, op, inputs)[0]);
        KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSets.Best, _code, 2, false, op, inputs)[0]);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_key_that_is_no_number_makes_an_answer_that_is_none(TensorFormat format)
    {
        PagedAttention op = new(0.2f, 16);
        Tensor[] inputs = Inputs(format, 4, 1, 32, 16, [3, 40], [0, 0], poison: 7);
        foreach (CodeLibrary code in (CodeLibrary[])[CodeLibrary.Empty, _code])
        {
            float[] y = KernelRun.Of(InstructionSets.Best, code, 1, false, op, inputs)[0].ToFloats();
            Assert.All(y[..128], value => Assert.True(float.IsFinite(value)));
            Assert.All(y[128..], value => Assert.True(float.IsNaN(value)));
        }
    }

    [Fact]
    public void A_large_score_leaves_no_other_weight_and_overflows_nothing()
    {
        PagedAttention op = new(1000, 16);
        Tensor[] inputs = Inputs(TensorFormat.BF16, 2, 1, 32, 16, [100], [0]);
        float[] expected = KernelRun.Reference(op, inputs)[0].ToFloats();
        float[] y = KernelRun.Of(InstructionSets.Best, _code, 1, false, op, inputs)[0].ToFloats();
        Assert.All(expected.Zip(y), pair => Assert.InRange(pair.Second, pair.First - 1e-2, pair.First + 1e-2));
    }

    [Fact]
    public void A_block_or_slot_outside_the_memory_is_refused()
    {
        PagedAttention op = new(0.125f, 16);
        Tensor[] inputs = Inputs(TensorFormat.BF16, 2, 1, 16, 16, [60], [0]);
        inputs[5].View.Ints[2] = 1000;
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, op, inputs));
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Reference(op, inputs));
        inputs[5].View.Ints[2] = -1;
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, op, inputs));
        foreach (int slot in (int[])[-1, 80, int.MaxValue])
        {
            Tensor slots = KernelRun.Ints([slot], 1);
            Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(InstructionSets.Best, new KvWrite(KvPart.Keys), inputs[1], KernelRun.Random(1, 1, 1, 1, 16), slots));
            Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Reference(new KvWrite(KvPart.Keys), inputs[1], KernelRun.Random(1, 1, 1, 1, 16), slots));
        }
    }

    [Theory]
    [InlineData(6)]
    [InlineData(32)]
    [InlineData(96)]
    public void Rows_are_written_to_their_slots_as_the_reference_does(int headDim)
    {
        Tensor rows = KernelRun.Random(5, 1, 21, 3, headDim);
        rows.View.Floats[1] = 1e-39f;
        rows.View.Floats[2] = float.NaN;
        rows.View.Floats[3] = float.NegativeInfinity;
        Tensor slots = KernelRun.Ints([4, .. Enumerable.Range(32, 20)], 21);
        foreach (KvPart part in Enum.GetValues<KvPart>())
        {
            foreach (TensorFormat format in KvLayout.Formats.Where(format => headDim % BlockFormat.Of(format).BlockElements == 0))
            {
                KvWrite op = new(part);
                Tensor expected = KernelRun.Reference(op, Memory(format), rows, slots)[0];
                foreach (InstructionSet set in InstructionSets.Available)
                {
                    KernelRun.AssertSameBits(expected, KernelRun.Of(set, 2, false, op, Memory(format), rows, slots)[0], $"{part} {format} {set}");
                }
            }
        }

        Tensor Memory(TensorFormat format) => GuardedMemory.Allocate(format, 2, 3, 32, headDim);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_is_written_is_read_back_within_the_precision_of_the_format(TensorFormat format)
    {
        double tolerance = format switch { TensorFormat.F32 => 0, TensorFormat.F16 => 1.0 / 2048, TensorFormat.BF16 => 1.0 / 256, _ => 1.0 / 250 };
        float[] row = [.. KernelRun.Random(9, 3, 64).ToFloats()];
        float[] read = new float[64];
        foreach (KvPart part in Enum.GetValues<KvPart>())
        {
            byte[] group = new byte[KvLayout.GroupBytes(format, 64)];
            KvLayout.Write(part, format, group, 5, row);
            KvLayout.Read(part, format, group, 5, read);
            Assert.All(row.Zip(read), pair => Assert.InRange(pair.Second, pair.First - (3 * tolerance), pair.First + (3 * tolerance)));
            KvLayout.Read(part, format, group, 6, read);
            Assert.All(read, value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void Formats_and_shapes_that_do_not_fit_are_refused_with_what_would()
    {
        Assert.Contains("BF16", Refusal(() => KvLayout.StateType(TensorFormat.Q4_0, 2, 32, 64)), StringComparison.Ordinal);
        Assert.Contains("multiple of 16", Refusal(() => KvLayout.StateType(TensorFormat.F32, 2, 24, 64)), StringComparison.Ordinal);
        Assert.Contains("use BF16", Refusal(() => KvLayout.StateType(TensorFormat.Q8_0, 2, 32, 80)), StringComparison.Ordinal);
        Assert.Contains("even", Refusal(() => KvLayout.StateType(TensorFormat.BF16, 2, 32, 7)), StringComparison.Ordinal);

        static string Refusal(Func<object> make) => Assert.Throws<ArgumentException>(make).Message;
    }

    /// <summary>Some tokens of a batch.</summary>
    static Tensor[] Some(Tensor[] batch, int start, int count) =>
        [batch[0].Rows(start, count), batch[1], batch[2], batch[3].Rows(start, count), batch[4].Rows(start, count), batch[5]];

    /// <summary>
    /// The inputs of attention. Keys and values depend on sequence and position alone, wherever their blocks lie; all up
    /// to the largest position of each sequence are there.
    /// </summary>
    static Tensor[] Inputs(
        TensorFormat format, int heads, int kvHeads, int headDim, int blockTokens, int[] positions, int[] sequences, int seed = 4, byte leftover = 0, int poison = -1)
    {
        int blocks = (positions.Max() / blockTokens) + 1;
        int sequenceCount = sequences.Max() + 1;
        int[] table = [.. Enumerable.Range(0, sequenceCount * blocks)];
        new Random(seed).Shuffle(table);
        Tensor keys = GuardedMemory.Allocate(format, table.Length, kvHeads, blockTokens, headDim);
        Tensor values = GuardedMemory.Allocate(format, table.Length, kvHeads, blockTokens, headDim);
        Fill(keys, leftover);
        Fill(values, leftover);
        for (int sequence = 0; sequence < sequenceCount; sequence++)
        {
            int length = positions.Zip(sequences).Where(pair => pair.Second == sequence).Max(pair => pair.First) + 1;
            Tensor slots = KernelRun.Ints([.. Enumerable.Range(0, length).Select(position => (table[(sequence * blocks) + (position / blockTokens)] * blockTokens) + (position % blockTokens))], length);
            Tensor keyRows = KernelRun.Random(100 + sequence, 1, length, kvHeads, headDim);
            if (poison >= 0)
            {
                keyRows.View.Floats.Slice(poison * kvHeads * headDim, kvHeads * headDim).Fill(float.NaN);
            }

            KernelRun.Reference(new KvWrite(KvPart.Keys), keys, keyRows, slots);
            KernelRun.Reference(new KvWrite(KvPart.Values), values, KernelRun.Random(200 + sequence, 1, length, kvHeads, headDim), slots);
        }

        int tokens = positions.Length;
        return
        [
            KernelRun.Random(1, 4, tokens, heads, headDim),
            keys,
            values,
            KernelRun.Ints(positions, tokens),
            KernelRun.Ints(sequences, tokens),
            KernelRun.Ints(table, sequenceCount, blocks),
        ];
    }

    static unsafe void Fill(Tensor tensor, byte value) => new Span<byte>(tensor.Data, (int)tensor.Bytes).Fill(value);
}
