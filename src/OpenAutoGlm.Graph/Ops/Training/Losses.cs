using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>
/// The surprise at the token that follows, in nats: loss[i] = ln Σ_j e^logits[i, j] − logits[i, targets[i]]. logits: [m, vocab];
/// targets: [m] I32 → losses: [m]; the logarithms of the sums: [m].
/// </summary>
public sealed record CrossEntropy : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0);
        Require(inputs[0].Shape.Rank == 2 && inputs[1] == TensorType.I32(inputs[0].Shape[0]), inputs, "must be [m, vocab] and I32 [m]");
        return [TensorType.F32(inputs[0].Shape[0]), TensorType.F32(inputs[0].Shape[0])];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> logits = inputs[0].Row(row);
            double logSum = LogSum(logits, 1);
            outputs[0].Floats[row] = (float)(logSum - logits[inputs[1].Ints[row]]);
            outputs[1].Floats[row] = (float)logSum;
        }
    }

    internal static double LogSum(ReadOnlySpan<float> logits, double temperature)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp((logit - largest) / temperature);
        }

        return (largest / temperature) + Math.Log(sum);
    }
}

/// <summary>
/// What the cross-entropy hands back: dlogits[i, j] = factors[i] · (e^(logits[i, j] − logSums[i]) − [j = targets[i]]). logits: [m, vocab];
/// logSums, factors: [m]; targets: [m] I32. dlogits may be logits.
/// </summary>
public sealed record CrossEntropyGradient : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(4, inputs);
        RequireF32(inputs, 0, 1, 3);
        Dim m = inputs[0].Shape[0];
        Require(inputs[1] == TensorType.F32(m) && inputs[2] == TensorType.I32(m) && inputs[3] == TensorType.F32(m), inputs, "must be [m, vocab], [m], I32 [m] and [m]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> logits = inputs[0].Row(row);
            Span<float> gradient = outputs[0].Row(row);
            (double logSum, double factor, int target) = (inputs[1].Floats[row], inputs[3].Floats[row], inputs[2].Ints[row]);
            for (int j = 0; j < logits.Length; j++)
            {
                gradient[j] = (float)(factor * (Math.Exp(logits[j] - logSum) - (j == target ? 1 : 0)));
            }
        }
    }
}

/// <summary>
/// How far a student is from its teacher, in nats: loss[i] = T² · KL(p ‖ q) = T² · Σ_j p_j (ln p_j − ln q_j), with p and q the softmax
/// of the teacher's and the student's logits divided by the temperature T; T² keeps the gradient's size as T grows.
/// logits, teacher: [m, vocab] → losses: [m]; the logarithms of both sums, student's first: [m, 2].
/// Source: Hinton et al. 2015, §2.
/// </summary>
public sealed record Distillation(float Temperature) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0, 1);
        Require(inputs[0].Shape.Rank == 2 && inputs[0] == inputs[1], inputs, "must be of one shape [m, vocab]");
        return [TensorType.F32(inputs[0].Shape[0]), TensorType.F32(inputs[0].Shape[0], 2)];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> student = inputs[0].Row(row);
            ReadOnlySpan<float> teacher = inputs[1].Row(row);
            double studentSum = CrossEntropy.LogSum(student, Temperature);
            double teacherSum = CrossEntropy.LogSum(teacher, Temperature);
            double sum = 0;
            for (int j = 0; j < student.Length; j++)
            {
                double p = (teacher[j] / (double)Temperature) - teacherSum;
                sum += Math.Exp(p) * (p - ((student[j] / (double)Temperature) - studentSum));
            }

            outputs[0].Floats[row] = (float)(sum * Temperature * Temperature);
            outputs[1].Row(row)[0] = (float)studentSum;
            outputs[1].Row(row)[1] = (float)teacherSum;
        }
    }
}

/// <summary>
/// What the distillation loss hands back to the student: dlogits = factors[i] · T · (q − p). logits, teacher: [m, vocab]; logSums:
/// [m, 2]; factors: [m]. dlogits may be logits.
/// </summary>
public sealed record DistillationGradient(float Temperature) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(4, inputs);
        RequireF32(inputs, 0, 1, 2, 3);
        Dim m = inputs[0].Shape[0];
        Require(inputs[0] == inputs[1] && inputs[2] == TensorType.F32(m, 2) && inputs[3] == TensorType.F32(m), inputs, "must be twice [m, vocab], [m, 2] and [m]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> student = inputs[0].Row(row);
            ReadOnlySpan<float> teacher = inputs[1].Row(row);
            Span<float> gradient = outputs[0].Row(row);
            double factor = (double)inputs[3].Floats[row] * Temperature;
            for (int j = 0; j < student.Length; j++)
            {
                double q = Math.Exp((student[j] / (double)Temperature) - inputs[2].Row(row)[0]);
                double p = Math.Exp((teacher[j] / (double)Temperature) - inputs[2].Row(row)[1]);
                gradient[j] = (float)(factor * (q - p));
            }
        }
    }
}
