using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public unsafe class QuantizedMatMulTests
{
    static readonly TensorFormat[] Quantized = [.. Enum.GetValues<TensorFormat>().Where(format => BlockFormat.Of(format) is QuantizedFormat)];

    public static TheoryData<TensorFormat> Formats => [.. Quantized];

    [Theory, MemberData(nameof(Formats))]
    public void Every_instruction_set_and_row_count_gives_the_bits_of_the_definition(TensorFormat format)
    {
        // 19 weight rows leave a remainder of a panel, 800 (or 768) elements one of a strip, 7 rows one of a tile.
        (int m, int n) = (7, 19);
        int k = BlockFormat.Of(format).BlockElements == 32 ? 800 : 768;
        Tensor x = KernelRun.Random(1, 3, m, k);
        Tensor w = KernelRun.RandomWeights(2, format, n, k);
        x.View.Row(2)[64..96].Clear();
        x.View.Row(3)[7] = -1000;
        Tensor expected = Definition(x, w);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(expected, KernelRun.Of(set, new MatMul(), x, w)[0], $"{format} {set}");
            for (int row = 0; row < m; row += 3)
            {
                Tensor alone = KernelRun.Of(set, new MatMul(), x.Rows(row, 1), w)[0];
                KernelRun.AssertSameBits(expected.Rows(row, 1), alone, $"{format} {set} row {row} alone");
            }
        }
    }

    [Theory]
    [InlineData(TensorFormat.Q8_0)]
    [InlineData(TensorFormat.Q4_0)]
    [InlineData(TensorFormat.Q4_K)]
    [InlineData(TensorFormat.Q6_K)]
    public void Many_rows_and_groups_of_panels_give_the_bits_of_the_definition_on_every_instruction_set(TensorFormat format)
    {
        // 131 rows are more than pass a group of panels at once, 150 weight rows are a group and a part of one, 1,280 elements two strips and a half.
        Tensor x = KernelRun.Random(1, 3, 131, 1280);
        Tensor w = KernelRun.RandomWeights(2, format, 150, 1280);
        Tensor expected = Definition(x, w);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(expected, KernelRun.Of(set, threads: 2, exact: false, new MatMul(), x, w)[0], $"{format} {set}");
            KernelRun.AssertSameBits(expected.Rows(130, 1), KernelRun.Of(set, threads: 2, exact: false, new MatMul(), x.Rows(130, 1), w)[0], $"{format} {set} last row alone");
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void Emitted_code_gives_the_bits_of_the_definition_for_every_remainder(TensorFormat format)
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        int block = BlockFormat.Of(format).BlockElements;

        // 150 weight rows are a group of panels and a part of one, 1,280 elements two strips and a half.
        foreach ((int m, int n, int k) in ((int, int, int)[])[(1, 1, block), (2, 16, block), (1, 150, 1280), (3, 150, 1280), (20, 150, 1280), (40, 270, 1280), (4, 19, 3 * block), (5, 33, 1024), (13, 49, 512 + block), (8, 70, 768), (33, 17, block), (50, 49, 512 + block), (64, 33, 1024)])
        {
            Tensor x = KernelRun.Random(m, 3, m, k);
            Tensor w = KernelRun.RandomWeights(n, format, n, k);
            Tensor expected = Definition(x, w);
            foreach (int threads in (int[])[1, 3])
            {
                KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSets.Best, code, threads, exact: false, new MatMul(), x, w)[0], $"{format} {m} × {n} × {k}");
            }

            Tensor last = x.Rows(m - 1, 1);
            KernelRun.AssertSameBits(expected.Rows(m - 1, 1), KernelRun.Of(InstructionSets.Best, code, 1, exact: false, new MatMul(), last, w)[0], $"{format} last of {m} × {n} × {k}");
        }
    }

    [Theory]
    [InlineData(TensorFormat.Q8_0, 16, 32)]
    [InlineData(TensorFormat.Q8_0, 19, 800)]
    [InlineData(TensorFormat.Q4_K, 150, 1280)]
    [InlineData(TensorFormat.Q6_K, 16 * 24, 2048)]
    public void Panels_fill_their_memory_strip_by_strip_and_a_group_is_one_stream(TensorFormat format, int rows, int k)
    {
        PanelFormat layout = PanelFormat.Of(format);
        int strip = layout.StripElements(k);
        PackedWeights weights = new(0, rows, layout.PanelBytes(k), strip, layout.PanelBytes(strip));
        long expected = 0;
        for (int group = 0; group < weights.Panels; group += PackedWeights.GroupPanels)
        {
            for (int start = 0; start < k; start += strip)
            {
                for (int panel = group; panel < Math.Min(group + PackedWeights.GroupPanels, weights.Panels); panel++)
                {
                    for (int element = start; element < Math.Min(start + strip, k); element += layout.Blocks.BlockElements)
                    {
                        Assert.Equal(expected, (long)weights.At(panel, element));
                        expected += layout.UnitBytes;
                    }
                }
            }
        }

        Assert.Equal(weights.Panels * layout.PanelBytes(k), expected);
    }

    [Theory, MemberData(nameof(Formats))]
    public void Whether_weights_are_asked_for_ahead_changes_no_bit(TensorFormat format)
    {
        (Tensor x, Tensor w) = (KernelRun.Random(1, 3, 1, 1280), KernelRun.RandomWeights(2, format, 150, 1280));
        Tensor expected = Definition(x, w);
        foreach (bool fetches in (bool[])[false, true])
        {
            using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best)) { FetchesForOneRow = fetches };
            KernelRun.AssertSameBits(expected, KernelRun.Of(InstructionSets.Best, code, 2, exact: false, new MatMul(), x, w)[0], $"{format}, asked: {fetches}");
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void Weights_as_bfloat16_are_multiplied_in_the_order_of_the_matrix_unit(TensorFormat format)
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best)) { TakesAllAsBFloat16 = true };
        int block = BlockFormat.Of(format).BlockElements;
        foreach ((int m, int n, int k) in ((int, int, int)[])[(1, 1, block), (2, 70, 768), (5, 33, 1024), (17, 49, 512 + block), (50, 19, 3 * block)])
        {
            Tensor x = KernelRun.Random(m, 3, m, k);
            Tensor w = KernelRun.RandomWeights(n, format, n, k);
            Tensor expected = code.Has(EmittedFeatures.Matrix) ? AsBFloat16(x, w) : Definition(x, w); // elsewhere the wish is none of a library's business
            Tensor all = KernelRun.Of(InstructionSets.Best, code, 2, exact: false, new MatMul(), x, w)[0];
            KernelRun.AssertSameBits(expected, all, $"{format} {m} × {n} × {k}");
            KernelRun.AssertSameBits(all.Rows(m - 1, 1), KernelRun.Of(InstructionSets.Best, code, 1, exact: false, new MatMul(), x.Rows(m - 1, 1), w)[0], $"{format} last of {m} × {n} × {k}");
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void Weights_as_bfloat16_come_nearer_to_exact_products_than_activations_in_int8(TensorFormat format)
    {
        Tensor x = KernelRun.Random(1, 3, 9, 1024);
        Tensor w = KernelRun.RandomWeights(2, format, 40, 1024);
        float[] exact = KernelRun.Reference(new MatMul(), x, w)[0].ToFloats();
        double Distance(Tensor y) => Math.Sqrt(exact.Zip(y.ToFloats(), (a, b) => Math.Pow(a - b, 2)).Sum() / exact.Sum(value => (double)value * value));
        Assert.InRange(Distance(AsBFloat16(x, w)), 0, 0.7 * Distance(Definition(x, w)));
    }

    /// <summary>What products of weights taken apart to BF16 are, written down: scale · code + minimum with one rounding, the nearest BF16 with halves away from zero, added up as <see cref="PairOrder.Tiles"/> says.</summary>
    static Tensor AsBFloat16(Tensor x, Tensor w)
    {
        (int m, int n, int k) = (x.View.RowCount, w.View.RowCount, w.View.RowLength);
        QuantizedFormat blocks = (QuantizedFormat)BlockFormat.Of(w.Type.Format);
        Tensor y = GuardedMemory.Allocate(TensorFormat.F32, m, n);
        sbyte[] codes = new sbyte[k];
        float[] scales = new float[k / blocks.GroupElements];
        float[] minimums = new float[blocks.HasMinimum ? scales.Length : 0];
        float[] weights = new float[k];
        for (int row = 0; row < n; row++)
        {
            blocks.Unpack(new ReadOnlySpan<byte>(w.Data + (row * w.RowBytes), (int)w.RowBytes), codes, scales, minimums);
            for (int i = 0; i < k; i++)
            {
                weights[i] = Away(MathF.FusedMultiplyAdd(scales[i / blocks.GroupElements], codes[i], blocks.HasMinimum ? minimums[i / blocks.GroupElements] : 0));
            }

            for (int of = 0; of < m; of++)
            {
                float sum = 0;
                for (int start = 0; start < k; start += 32)
                {
                    (float evens, float odds) = (0, 0);
                    for (int i = start; i < start + 32; i += 2)
                    {
                        evens = MathF.FusedMultiplyAdd(Nearest(x.View.Row(of)[i]), weights[i], evens);
                        odds = MathF.FusedMultiplyAdd(Nearest(x.View.Row(of)[i + 1]), weights[i + 1], odds);
                    }

                    sum += evens + odds;
                }

                y.View.Row(of)[row] = sum;
            }
        }

        GC.KeepAlive(w);
        return y;

        static float Away(float value) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0x8000) & 0xFFFF0000);

        static float Nearest(float value)
        {
            uint bits = BitConverter.SingleToUInt32Bits(value);
            return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void A_packed_panel_holds_the_numbers_of_its_rows(TensorFormat format)
    {
        PanelFormat packing = PanelFormat.Of(format);
        int k = 2 * packing.Blocks.BlockElements;
        int groups = k / packing.Blocks.GroupElements;
        Tensor w = KernelRun.RandomWeights(3, format, 13, k);
        Tensor panel = GuardedMemory.Allocate(TensorFormat.F32, (int)packing.PanelBytes(k) / 4);
        packing.Pack(w.Data, w.RowBytes, 13, k, new PackedWeights((nint)panel.Data, 13, packing.PanelBytes(k), k, packing.PanelBytes(k)), 0);
        foreach (CodeForm form in Enum.GetValues<CodeForm>())
        {
            PanelLines lines = PanelLines.Of(packing, form);
            byte[] apart = new byte[k / 32 * lines.BlockBytes];
            fixed (byte* to = apart)
            {
                PanelReader<LanesScalar>.Read(packing, panel.Data, 2, form, to);
            }

            sbyte[] expectedCodes = new sbyte[k];
            float[] expectedScales = new float[groups];
            float[] expectedMinimums = new float[groups];
            for (int row = 0; row < 13; row++)
            {
                packing.Blocks.Unpack(new ReadOnlySpan<byte>(w.Data + (row * w.RowBytes), (int)w.RowBytes), expectedCodes, expectedScales, expectedMinimums);
                Assert.Equal(expectedCodes, Enumerable.Range(0, k).Select(i => CodeAt(i, row)));
                Assert.Equal(expectedScales, Enumerable.Range(0, groups).Select(group => FloatAt(group, 0, row)));
                Assert.True(!packing.Blocks.HasMinimum || expectedMinimums.SequenceEqual(Enumerable.Range(0, groups).Select(group => FloatAt(group, lines.MinimumsAt, row))));
            }

            int BlockAt(int element) => element / 32 * lines.BlockBytes;

            sbyte CodeAt(int i, int row)
            {
                int quad = BlockAt(i) + lines.CodesAt + (i % 32 / 4 * lines.QuadBytes);
                return form == CodeForm.Shorts
                    ? checked((sbyte)BitConverter.ToInt16(apart, quad + (i % 2 * 64) + (row * 4) + (i % 4 / 2 * 2)))
                    : (sbyte)(apart[quad + (row * 4) + (i % 4)] - (form == CodeForm.SignedBytes && packing.Offset == 128 ? 0 : packing.Offset));
            }

            float FloatAt(int group, int at, int row) =>
                BitConverter.ToSingle(apart, BlockAt(group * packing.Blocks.GroupElements) + at + (group % lines.Groups * 64) + (4 * row));
        }

        GC.KeepAlive(panel);
        GC.KeepAlive(w);
        Assert.InRange(packing.UnitBytes, packing.Blocks.BlockBytes * 16, packing.Blocks.BlockBytes * 17);
    }

    [Fact]
    public void A_result_does_not_depend_on_rows_in_the_batch_or_threads()
    {
        (int n, int k) = (83, 544);
        Tensor x = KernelRun.Random(3, 1, 300, k);
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.Q8_0, TensorFormat.Q4_0, TensorFormat.Q4_1, TensorFormat.BF16])
        {
            Tensor w = KernelRun.RandomWeights(4, format, n, k);
            Tensor all = KernelRun.Of(InstructionSets.Best, code, threads: 2, exact: false, new MatMul(), x, w)[0];
            foreach ((int rows, int threads) in ((int, int)[])[(1, 1), (2, 4), (3, 2), (5, 1), (8, 4), (33, 2), (257, 4)])
            {
                Tensor some = KernelRun.Of(InstructionSets.Best, code, threads, exact: false, new MatMul(), x.Rows(300 - rows, rows), w)[0];
                KernelRun.AssertSameBits(all.Rows(300 - rows, rows), some, $"{format}, {rows} rows, {threads} threads");
            }
        }
    }

    [Fact]
    public void Activations_that_are_not_numbers_are_not_hidden()
    {
        Tensor x = KernelRun.Random(5, 1, 2, 64);
        x.View.Row(0)[33] = float.NaN;
        x.View.Row(1)[0] = float.PositiveInfinity;
        Tensor w = KernelRun.RandomWeights(6, TensorFormat.Q4_0, 3, 64);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Assert.All(KernelRun.Of(set, new MatMul(), x, w)[0].ToFloats(), value => Assert.True(float.IsNaN(value)));
            Assert.All(KernelRun.Of(set, new MatMul(), x.Rows(1, 1), w)[0].ToFloats(), value => Assert.True(float.IsNaN(value)));
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void Exact_arithmetic_agrees_with_the_reference(TensorFormat format)
    {
        Tensor x = KernelRun.Random(7, 1, 9, 512);
        Tensor w = KernelRun.RandomWeights(8, format, 6, 512);
        Tensor expected = KernelRun.Reference(new MatMul(), x, w)[0];
        Tensor first = KernelRun.Of(InstructionSets.Best, 1, exact: true, new MatMul(), x, w)[0];
        KernelRun.AssertClose(expected, first, 1e-4, $"{format}");
        foreach (InstructionSet set in InstructionSets.Available)
        {
            KernelRun.AssertSameBits(first, KernelRun.Of(set, 2, exact: true, new MatMul(), x, w)[0], $"{format} {set}");
        }
    }

    internal static Tensor Definition(Tensor x, Tensor w)
    {
        (int m, int n, int k) = (x.Shape[0].Size, w.Shape[0].Size, x.Shape.Last.Size);
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(w.Format);
        Tensor y = Tensor.Allocate(TensorFormat.F32, m, n);
        sbyte[] codes = new sbyte[k];
        float[] scales = new float[k / 32];
        for (int row = 0; row < m; row++)
        {
            ActivationBlocks.Quantize(x.View.Row(row), codes, scales);
            for (int i = 0; i < n; i++)
            {
                ReadOnlySpan<byte> weights = new(w.Data + (i * w.RowBytes), (int)w.RowBytes);
                y.View.Row(row)[i] = ActivationBlocks.Dot(format, weights, codes, scales);
            }
        }

        GC.KeepAlive(x);
        GC.KeepAlive(w);

        return y;
    }
}
