using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// Writes the rows of new tokens into KV memory. state: [slots, kvHeads, headDim]; rows: [tokens, kvHeads, headDim];
/// slots: [tokens] I32, the place of each row → the same memory, after the write.
/// </summary>
public sealed record KvWrite : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1);
        Shape state = inputs[0].Shape;
        Shape rows = inputs[1].Shape;
        Require(state.Rank == 3 && rows.Rank == 3 && state[1] == rows[1] && state[2] == rows[2], inputs, "state and rows must be [.., kvHeads, headDim]");
        Require(inputs[2] == TensorType.I32(rows[0]), inputs, "slots must be I32 [tokens]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        int slotElements = inputs[1][1] * inputs[1][2];
        ReadOnlySpan<float> rows = inputs[1].Floats;
        ReadOnlySpan<int> slots = inputs[2].Ints;
        for (int token = 0; token < slots.Length; token++)
        {
            rows.Slice(token * slotElements, slotElements).CopyTo(outputs[0].Part(slots[token]).Floats);
        }
    }
}

/// <summary>
/// Causal attention over paged KV memory. For token t of sequence s at position p and head h:
/// y = Σ_j softmax_j(Scale · q · k_j) · v_j over positions j ≤ p (the last Window of them, if Window &gt; 0), in rising
/// j; head h reads KV head h · kvHeads / heads. Position j of sequence s lies in slot
/// table[s, j / BlockTokens] · BlockTokens + j mod BlockTokens.
/// queries: [tokens, heads, headDim]; keys, values: [slots, kvHeads, headDim]; positions, sequences: [tokens] I32;
/// table: [sequences, blocks] I32 → y: [tokens, heads, headDim].
/// Source: Vaswani et al. 2017, §3.2; grouped heads: Ainslie et al. 2023; paging: Kwon et al. 2023.
/// </summary>
public sealed record PagedAttention(float Scale, int BlockTokens, int Window = 0) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(6, inputs);
        RequireF32(inputs, 0, 1, 2);
        Shape queries = inputs[0].Shape;
        Shape keys = inputs[1].Shape;
        Require(queries.Rank == 3 && keys.Rank == 3 && keys == inputs[2].Shape && keys[2] == queries[2], inputs, "queries, keys and values must be [.., heads, headDim]");
        Require(queries[1].Size % keys[1].Size == 0, inputs, "KV heads must divide the heads");
        Require(inputs[3] == TensorType.I32(queries[0]) && inputs[4] == inputs[3], inputs, "positions and sequences must be I32 [tokens]");
        Require(inputs[5].Format == TensorFormat.I32 && inputs[5].Shape.Rank == 2, inputs, "the table must be I32 [sequences, blocks]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int heads, int kvHeads, int headDim) = (inputs[0][1], inputs[1][1], inputs[0][2]);
        ReadOnlySpan<int> positions = inputs[3].Ints;
        ReadOnlySpan<int> sequences = inputs[4].Ints;
        double[] sums = new double[headDim];
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
                scores[j - first] = Scale * MatMul.Dot(query, inputs[1].Row((Slot(table, j) * kvHeads) + kvHead));
            }

            double largest = scores.Max();
            double total = 0;
            Array.Clear(sums);
            for (int j = first; j <= position; j++)
            {
                double weight = Math.Exp(scores[j - first] - largest);
                total += weight;
                ReadOnlySpan<float> value = inputs[2].Row((Slot(table, j) * kvHeads) + kvHead);
                for (int d = 0; d < headDim; d++)
                {
                    sums[d] += weight * value[d];
                }
            }

            Span<float> y = outputs[0].Row(row);
            for (int d = 0; d < headDim; d++)
            {
                y[d] = (float)(sums[d] / total);
            }
        }
    }

    int Slot(ReadOnlySpan<int> table, int position) => (table[position / BlockTokens] * BlockTokens) + (position % BlockTokens);
}
