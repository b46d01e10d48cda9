using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// Rotary position embedding: pair i of a head turns by p · PositionScale · Base^(−2i/Dims) / factor[i]; elements from
/// Dims on stay. x: [tokens, heads, headDim]; positions: [tokens] I32; factors: [Dims/2], optional. y may be x.
/// Source: Su et al. 2021, §3.2.2.
/// </summary>
public sealed record Rope(RopePairing Pairing, int Dims, float Base, float PositionScale = 1) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Require(inputs.Length is 2 or 3 && inputs[0].Shape.Rank == 3, inputs, "needs x [tokens, heads, headDim], positions and at most factors");
        RequireF32(inputs, 0);
        Require(inputs[1] == TensorType.I32(inputs[0].Shape[0]), inputs, "positions must be I32 [tokens]");
        Require(Dims > 0 && Dims % 2 == 0 && Dims <= inputs[0].Shape.Last.Size, inputs, "Dims must be even and within a head");
        Require(inputs.Length == 2 || inputs[2] == TensorType.F32(Dims / 2), inputs, "factors must be F32 [Dims/2]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        int heads = inputs[0][1];
        ReadOnlySpan<int> positions = inputs[1].Ints;
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[0].Row(row);
            Span<float> y = outputs[0].Row(row);
            for (int i = 0; i < Dims / 2; i++)
            {
                double angle = Angle(positions[row / heads], i, inputs.Length == 3 ? inputs[2].Floats[i] : 1);
                (double sin, double cos) = Math.SinCos(angle);
                (int first, int second) = Pairing == RopePairing.Interleaved ? (2 * i, (2 * i) + 1) : (i, i + (Dims / 2));
                (float a, float b) = (x[first], x[second]);
                y[first] = (float)((a * cos) - (b * sin));
                y[second] = (float)((a * sin) + (b * cos));
            }

            x[Dims..].CopyTo(y[Dims..]);
        }
    }

    /// <summary>The angle in radians by which a pair turns.</summary>
    public double Angle(int position, int pair, float factor) =>
        (double)position * PositionScale * Math.Pow(Base, -2.0 * pair / Dims) / factor;
}
