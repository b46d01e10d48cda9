using System.Runtime.Intrinsics;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How the codes of a block of 32 lie in lines of 64 bytes.</summary>
enum CodeBits
{
    /// <summary>Eight lines: line q is quad q, a byte each.</summary>
    Eight,

    /// <summary>Four lines: the lower nibbles of line i are quad i, the upper ones quad i + 4.</summary>
    Four,

    /// <summary>As <see cref="Four"/>, and each nibble stands for an entry of a table.</summary>
    FourByTable,

    /// <summary>A line whose bits q are bit 4 of quad q, then as <see cref="Four"/>.</summary>
    Five,

    /// <summary>Two lines, the first for quads 0 … 3: bits 2(q mod 4) and above are bits 4 and 5 of quad q; then as <see cref="Four"/>.</summary>
    Six,

    /// <summary>Two lines, the first for quads 0 … 3: bits 2(q mod 4) and above are quad q.</summary>
    Two,

    /// <summary>A line whose bits q are bit 2 of quad q, then as <see cref="Two"/>.</summary>
    Three,
}

/// <summary>How the scales of a unit lie at its head, always sixteen of a kind together, one for each row.</summary>
enum ScaleKind
{
    /// <summary>F16: scale.</summary>
    Half,

    /// <summary>F16: scale; F16: minimum.</summary>
    HalfAndMinimum,

    /// <summary>BF16: scale.</summary>
    BFloat,

    /// <summary>F16: d; F16: −dmin; for each group a byte of s mod 16 and m mod 16; an int32 of which bits 4g to 4g + 3 are what is above.</summary>
    SixBits,

    /// <summary>F16: d; for each group a signed byte.</summary>
    SignedByte,

    /// <summary>F16: d; F16: −dmin; for each group a byte of s and m.</summary>
    FourBits,
}

/// <summary>
/// How a quantised format lies in memory once it is packed for the kernels. A panel is sixteen rows, lane r for row r;
/// it is a run of units, one for each block of the format, so that the next byte in memory is always the next one
/// needed. In a unit come the scales of all rows, then for each 32 elements the lines of codes. A quad is four
/// neighbouring elements of a row, the four bytes of a lane. Nothing is lost in packing: codes and scales are those of
/// <see cref="QuantizedFormat.Unpack"/> bit for bit, in as many bytes but for three rare formats.
/// <code>
/// value = scale · (byte − Offset) (+ minimum)
/// </code>
/// </summary>
sealed unsafe class PanelFormat : PanelLayout
{
    /// <summary>Bytes of a line: four of each of the sixteen rows.</summary>
    internal const int LineBytes = 64;

    /// <summary>
    /// Elements of a strip, a multiple of every block: what meets it of the activations, 1 KiB of a row, stays in the first cache while the panels of a group pass by.
    /// </summary>
    internal const int MostStripElements = 512;

    const int Rows = PanelProduct.PanelRows;

    static readonly Dictionary<TensorFormat, PanelFormat> All = new PanelFormat[]
    {
        new(TensorFormat.Q8_0, CodeBits.Eight, ScaleKind.Half, 128),
        new(TensorFormat.Q4_0, CodeBits.Four, ScaleKind.Half, 8),
        new(TensorFormat.Q4_1, CodeBits.Four, ScaleKind.HalfAndMinimum, 0),
        new(TensorFormat.Q5_0, CodeBits.Five, ScaleKind.Half, 16),
        new(TensorFormat.Q5_1, CodeBits.Five, ScaleKind.HalfAndMinimum, 0),
        new(TensorFormat.IQ4_NL, CodeBits.FourByTable, ScaleKind.Half, 128),
        new(TensorFormat.MXFP4, CodeBits.FourByTable, ScaleKind.BFloat, 16),
        new(TensorFormat.Q2_K, CodeBits.Two, ScaleKind.FourBits, 0),
        new(TensorFormat.Q3_K, CodeBits.Three, ScaleKind.SignedByte, 4),
        new(TensorFormat.Q4_K, CodeBits.Four, ScaleKind.SixBits, 0),
        new(TensorFormat.Q5_K, CodeBits.Five, ScaleKind.SixBits, 0),
        new(TensorFormat.Q6_K, CodeBits.Six, ScaleKind.SignedByte, 32),
        new(TensorFormat.IQ4_XS, CodeBits.FourByTable, ScaleKind.SignedByte, 128),
    }.ToDictionary(format => format.Format);

    readonly byte[] _indices; // of a code − sbyte.MinValue: its entry in the table

    PanelFormat(TensorFormat format, CodeBits bits, ScaleKind scales, int offset)
    {
        (Format, Bits, Scales, Offset) = (format, bits, scales, offset);
        Blocks = (QuantizedFormat)BlockFormat.Of(format);
        _indices = bits == CodeBits.FourByTable ? new byte[256] : [];
        if (bits == CodeBits.FourByTable)
        {
            byte[] table = new byte[16];
            byte[] block = new byte[Blocks.BlockBytes];
            sbyte[] codes = new sbyte[Blocks.BlockElements];
            float[] ignored = new float[Blocks.BlockGroups];
            for (int i = 15; i >= 0; i--)
            {
                // Whatever else is in the block, every nibble of codes is i.
                block.AsSpan().Fill((byte)(i * 0x11));
                Blocks.Unpack(block, codes, ignored, []);
                table[i] = (byte)(codes[0] + offset);
                _indices[codes[0] + 128] = (byte)i;
            }

            Table = table;
        }
    }

    internal TensorFormat Format { get; }

    internal override string Name => $"{Format} × 16, strips of {MostStripElements}";

    /// <summary>The format of the rows that are packed.</summary>
    internal QuantizedFormat Blocks { get; }

    internal CodeBits Bits { get; }

    internal ScaleKind Scales { get; }

    /// <summary>What a byte is more than its code: 0 or a power of two.</summary>
    internal int Offset { get; }

    /// <summary>The sixteen bytes that nibbles stand for, with their offset; empty where nibbles are bytes.</summary>
    internal ReadOnlyMemory<byte> Table { get; } = ReadOnlyMemory<byte>.Empty;

    /// <summary>Blocks of 32 elements in a unit.</summary>
    internal int UnitBlocks => Blocks.BlockElements / 32;

    /// <summary>Groups in 32 elements: 1 or 2.</summary>
    internal int BlockGroups => 32 / Blocks.GroupElements;

    /// <summary>Where the codes begin in a unit.</summary>
    internal int CodesAt => Scales switch
    {
        ScaleKind.Half or ScaleKind.BFloat => 2 * Rows,
        ScaleKind.HalfAndMinimum => 4 * Rows,
        ScaleKind.SignedByte => (2 + Blocks.BlockGroups) * Rows,
        ScaleKind.FourBits => (4 + Blocks.BlockGroups) * Rows,
        _ => (4 + Blocks.BlockGroups + 4) * Rows,
    };

    /// <summary>Lines of codes for 32 elements.</summary>
    internal int BlockLines => Bits switch
    {
        CodeBits.Eight => 8,
        CodeBits.Six => 6,
        CodeBits.Five => 5,
        CodeBits.Three => 3,
        CodeBits.Two => 2,
        _ => 4,
    };

    internal int UnitBytes => CodesAt + (UnitBlocks * BlockLines * LineBytes);

    /// <summary>The packing of a format.</summary>
    internal static PanelFormat Of(TensorFormat format) => All[format];

    internal override long PanelBytes(int k) => (long)(k / Blocks.BlockElements) * UnitBytes;

    internal override int StripElements(int k) => Math.Min(MostStripElements, k);

    internal override void Pack(byte* rows, long rowBytes, int count, int k, in PackedWeights to, int panel)
    {
        int elements = Blocks.BlockElements;
        Span<sbyte> codes = stackalloc sbyte[elements];
        Span<float> scales = stackalloc float[Blocks.BlockGroups];
        Span<float> minimums = stackalloc float[Blocks.BlockGroups];
        for (int unit = 0; unit < k / elements; unit++)
        {
            byte* place = to.At(panel, unit * elements);
            new Span<byte>(place, UnitBytes).Clear();
            for (int row = 0; row < count; row++)
            {
                ReadOnlySpan<byte> block = new(rows + (row * rowBytes) + ((long)unit * Blocks.BlockBytes), Blocks.BlockBytes);
                Blocks.Unpack(block, codes, scales, minimums);
                PackScales(block, row, place);
                PackCodes(codes, place + CodesAt + (4 * row));
            }
        }
    }

    internal override void ReadRow<T>(in PackedWeights weights, int row, Span<float> values) => PanelReader<T>.ReadRow(this, weights, row, values);

    void PackCodes(ReadOnlySpan<sbyte> codes, byte* to)
    {
        uint* quads = stackalloc uint[8];
        int blockBytes = BlockLines * LineBytes;
        for (int block = 0; block < UnitBlocks; block++, to += blockBytes)
        {
            if (Bits == CodeBits.FourByTable)
            {
                for (int i = 0; i < 32; i++)
                {
                    ((byte*)quads)[i] = _indices[codes[(32 * block) + i] + 128];
                }
            }
            else
            {
                (Vector256.Create(codes.Slice(32 * block, 32)).AsByte() + Vector256.Create((byte)Offset)).Store((byte*)quads);
            }

            byte* lines = to;
            switch (Bits)
            {
                case CodeBits.Eight:
                    for (int quad = 0; quad < 8; quad++)
                    {
                        *(uint*)(lines + (quad * LineBytes)) = quads[quad];
                    }

                    continue;
                case CodeBits.Five:
                    *(uint*)lines = Spread(quads, 0, 8, shift: 4, mask: 0x01010101, step: 1);
                    lines += LineBytes;
                    break;
                case CodeBits.Six:
                    *(uint*)lines = Spread(quads, 0, 4, shift: 4, mask: 0x03030303, step: 2);
                    *(uint*)(lines + LineBytes) = Spread(quads, 4, 4, shift: 4, mask: 0x03030303, step: 2);
                    lines += 2 * LineBytes;
                    break;
                case CodeBits.Three:
                    *(uint*)lines = Spread(quads, 0, 8, shift: 2, mask: 0x01010101, step: 1);
                    lines += LineBytes;
                    break;
            }

            if (Bits is CodeBits.Two or CodeBits.Three)
            {
                *(uint*)lines = Spread(quads, 0, 4, shift: 0, mask: 0x03030303, step: 2);
                *(uint*)(lines + LineBytes) = Spread(quads, 4, 4, shift: 0, mask: 0x03030303, step: 2);
                continue;
            }

            for (int i = 0; i < 4; i++)
            {
                *(uint*)(lines + (i * LineBytes)) = (quads[i] & 0x0F0F0F0F) | ((quads[i + 4] & 0x0F0F0F0F) << 4);
            }
        }
    }

    /// <summary>A few bits of each of some quads beside one another: those of the i-th quad from bit i · step on.</summary>
    static uint Spread(uint* quads, int first, int count, int shift, uint mask, int step)
    {
        uint all = 0;
        for (int i = 0; i < count; i++)
        {
            all |= ((quads[first + i] >> shift) & mask) << (i * step);
        }

        return all;
    }

    void PackScales(ReadOnlySpan<byte> block, int row, byte* unit)
    {
        ushort* halves = (ushort*)unit;
        switch (Format)
        {
            case TensorFormat.MXFP4:
                // Half of 2^(e − 127), whose bits below the upper sixteen are 0.
                halves[row] = block[0] switch
                {
                    255 => 0x7FC0,
                    < 2 => (ushort)(0x0020 << block[0]),
                    _ => (ushort)((block[0] - 1) << 7),
                };
                break;
            case TensorFormat.Q4_1 or TensorFormat.Q5_1:
                halves[row] = Half(block, 0);
                halves[Rows + row] = Half(block, 2);
                break;
            case TensorFormat.Q4_K or TensorFormat.Q5_K:
                halves[row] = Half(block, 0);
                halves[Rows + row] = Negated(Half(block, 2));
                PackSixBits(block[4..16], row, unit + (4 * Rows));
                break;
            case TensorFormat.Q2_K:
                halves[row] = Half(block, 80);
                halves[Rows + row] = Negated(Half(block, 82));
                for (int group = 0; group < 16; group++)
                {
                    unit[(4 * Rows) + (group * Rows) + row] = block[group];
                }

                break;
            case TensorFormat.Q6_K:
                halves[row] = Half(block, 208);
                for (int group = 0; group < 16; group++)
                {
                    unit[(2 * Rows) + (group * Rows) + row] = block[192 + group];
                }

                break;
            case TensorFormat.Q3_K:
                halves[row] = Half(block, 108);
                for (int group = 0; group < 16; group++)
                {
                    int lower = (block[96 + (group % 8)] >> (4 * (group / 8))) & 15;
                    int upper = (block[104 + (group % 4)] >> (2 * (group / 4))) & 3;
                    unit[(2 * Rows) + (group * Rows) + row] = (byte)((lower | (upper << 4)) - 32);
                }

                break;
            case TensorFormat.IQ4_XS:
                halves[row] = Half(block, 0);
                for (int group = 0; group < 8; group++)
                {
                    int lower = (block[4 + (group / 2)] >> (4 * (group % 2))) & 15;
                    int upper = (Half(block, 2) >> (2 * group)) & 3;
                    unit[(2 * Rows) + (group * Rows) + row] = (byte)((lower | (upper << 4)) - 32);
                }

                break;
            default:
                halves[row] = Half(block, 0);
                break;
        }
    }

    /// <summary>The twelve bytes in which Q4_K and Q5_K fold eight s and m of six bits each, unfolded; see their definition.</summary>
    static void PackSixBits(ReadOnlySpan<byte> folded, int row, byte* to)
    {
        uint upper = 0;
        for (int group = 0; group < 8; group++)
        {
            int i = group % 4;
            (int s, int m) = group < 4
                ? (folded[i] & 63, folded[i + 4] & 63)
                : ((folded[i + 8] & 15) | ((folded[i] >> 6) << 4), (folded[i + 8] >> 4) | ((folded[i + 4] >> 6) << 4));
            to[(group * Rows) + row] = (byte)((s & 15) | ((m & 15) << 4));
            upper |= (uint)((s >> 4) | ((m >> 4) << 2)) << (4 * group);
        }

        ((uint*)(to + (8 * Rows)))[row] = upper;
    }

    static ushort Half(ReadOnlySpan<byte> block, int at) => (ushort)(block[at] | (block[at + 1] << 8));

    static ushort Negated(ushort half) => (ushort)(half ^ 0x8000);
}
