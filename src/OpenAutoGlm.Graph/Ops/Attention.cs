using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// Writes the rows of new tokens into KV memory, in the places that <see cref="KvLayout"/> gives them.
/// state: [blocks, kvHeads, blockTokens, headDim] of any of <see cref="KvLayout.Formats"/>; rows: [tokens, kvHeads,
/// headDim]; slots: [tokens] I32, block · blockTokens + place in the block → the same memory, after the write. Tokens
/// fill a block from its first place on.
/// </summary>
public sealed record KvWrite(KvPart Part) : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 1);
        Shape state = inputs[0].Shape;
        Shape rows = inputs[1].Shape;
        Require(state.Rank == 4 && rows.Rank == 3 && state[1] == rows[1] && state[3] == rows[2], inputs, "state must be [blocks, kvHeads, blockTokens, headDim] and rows [tokens, kvHeads, headDim]");
        Require(KvLayout.Refusal(inputs[0].Format, state[2].Size, state[3].Size) is null, inputs, KvLayout.Refusal(inputs[0].Format, state[2].Size, state[3].Size) ?? "");
        Require(inputs[2] == TensorType.I32(rows[0]), inputs, "slots must be I32 [tokens]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorView state = outputs[0];
        (int kvHeads, int blockTokens) = (state[1], state[2]);
        ReadOnlySpan<int> slots = inputs[2].Ints;
        for (int row = 0; row < inputs[1].RowCount; row++)
        {
            int slot = slots[row / kvHeads];
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)(state[0] * blockTokens), nameof(slot));
            Span<byte> group = KvMemory.Group(state, slot / blockTokens, row % kvHeads, slot % blockTokens);
            KvLayout.Write(Part, state.Format, group, slot % KvLayout.GroupTokens, inputs[1].Row(row));
        }
    }
}

/// <summary>
/// Causal attention over paged KV memory. For token t of sequence s at position p and head h:
/// y = Σ_j softmax_j(Scale · q · k_j) · v_j over positions j ≤ p (the last Window of them, if Window &gt; 0), in rising
/// j; head h reads KV head h · kvHeads / heads. Position j of sequence s lies in slot
/// table[s, j / BlockTokens] · BlockTokens + j mod BlockTokens.
/// queries: [tokens, heads, headDim]; keys, values: [blocks, kvHeads, blockTokens, headDim], as <see cref="KvLayout"/>
/// arranges them, both of one format; positions, sequences: [tokens] I32; table: [sequences, blocks] I32 → y: [tokens,
/// heads, headDim].
/// Source: Vaswani et al. 2017, §3.2; grouped heads: Ainslie et al. 2023; paging: Kwon et al. 2023.
/// </summary>
public sealed record PagedAttention(float Scale, int BlockTokens, int Window = 0) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(6, inputs);
        RequireF32(inputs, 0);
        Shape queries = inputs[0].Shape;
        Shape keys = inputs[1].Shape;
        Require(queries.Rank == 3 && keys.Rank == 4 && inputs[1] == inputs[2] && keys[3] == queries[2], inputs, "queries must be [tokens, heads, headDim], keys and values [blocks, kvHeads, blockTokens, headDim]");
        Require(keys[2].Size == BlockTokens, inputs, $"blocks must hold {BlockTokens} tokens");
        Require(KvLayout.Refusal(inputs[1].Format, BlockTokens, keys[3].Size) is null, inputs, KvLayout.Refusal(inputs[1].Format, BlockTokens, keys[3].Size) ?? "");
        Require(queries[1].Size % keys[1].Size == 0, inputs, "KV heads must divide the heads");
        Require(inputs[3] == TensorType.I32(queries[0]) && inputs[4] == inputs[3], inputs, "positions and sequences must be I32 [tokens]");
        Require(inputs[5].Format == TensorFormat.I32 && inputs[5].Shape.Rank == 2, inputs, "the table must be I32 [sequences, blocks]");
        return [inputs[0]];
    }

    /// <summary>A head's answer depends on its own query alone, which is read before.</summary>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int heads, int kvHeads, int headDim) = (inputs[0][1], inputs[1][1], inputs[0][2]);
        ReadOnlySpan<int> positions = inputs[3].Ints;
        ReadOnlySpan<int> sequences = inputs[4].Ints;
        double[] sums = new double[headDim];
        float[] stored = new float[headDim];
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            int position = positions[row / heads];
            int kvHead = row % heads / (heads / kvHeads);
            ReadOnlySpan<int> table = inputs[5].Ints.Slice(sequences[row / heads] * inputs[5].RowLength, inputs[5].RowLength);
            ReadOnlySpan<float> query = inputs[0].Row(row);
            int first = Window > 0 ? Math.Max(0, position - Window + 1) : 0;
            double[] scores = new double[position + 1 - first];
            for (int j = first; j <= position; j++)
            {
                Read(KvPart.Keys, inputs[1], table, kvHead, j, stored);
                scores[j - first] = Scale * MatMul.Dot(query, stored);
            }

            double largest = scores.Max();
            double total = 0;
            Array.Clear(sums);
            for (int j = first; j <= position; j++)
            {
                double weight = Math.Exp(scores[j - first] - largest);
                total += weight;
                Read(KvPart.Values, inputs[2], table, kvHead, j, stored);
                for (int d = 0; d < headDim; d++)
                {
                    sums[d] += weight * stored[d];
                }
            }

            Span<float> y = outputs[0].Row(row);
            for (int d = 0; d < headDim; d++)
            {
                y[d] = (float)(sums[d] / total);
            }
        }
    }

    void Read(KvPart part, TensorView state, ReadOnlySpan<int> table, int kvHead, int position, Span<float> row)
    {
        ReadOnlySpan<byte> group = KvMemory.Group(state, table[position / BlockTokens], kvHead, position % BlockTokens);
        KvLayout.Read(part, state.Format, group, position % KvLayout.GroupTokens, row);
    }
}

/// <summary>Finds groups in the memory of a state.</summary>
static unsafe class KvMemory
{
    /// <summary>The group of one head in which a place of a block lies.</summary>
    internal static Span<byte> Group(TensorView state, int block, int head, int place)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)block, (uint)state[0], nameof(block));
        long groupBytes = KvLayout.GroupBytes(state.Format, state[3]);
        long plane = ((long)block * state[1]) + head;
        return new Span<byte>(state.Data + (((plane * state[2] / KvLayout.GroupTokens) + (place / KvLayout.GroupTokens)) * groupBytes), checked((int)groupBytes));
    }
}
