using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>Every rule against central differences of its op's reference, element by element, sums in float64.</summary>
public class RuleTests
{
    const double Step = 1.0 / 32;

    static readonly Tensor Chosen = Tensor.Of([2, 0, 1, 2, 3, 1], 3, 2);
    static readonly Tensor Starts = Tensor.Of([0, 0, 0, 3, 3, 5], 6);
    static readonly Tensor Places = Tensor.Of([0, 1, 2, 0, 1, 0], 6);

    [Fact]
    public void Products()
    {
        Check(new TrainedMatMul(TrainingArithmetic.Float32), Random(1, 4, 5), Random(2, 3, 5));
        Check(new ExpertMatMul(), Random(1, 3, 5), Random(2, 4, 2, 5), Chosen);
        Check(new ExpertMatMul(), Random(1, 3, 2, 5), Random(2, 4, 2, 5), Chosen);
        Check(new CombineExperts(), Random(1, 3, 2, 5), Random(2, 3, 2));
    }

    [Theory]
    [InlineData(RouterScoring.Softmax, true)]
    [InlineData(RouterScoring.Softmax, false)]
    [InlineData(RouterScoring.Sigmoid, true)]
    [InlineData(RouterScoring.Sigmoid, false)]
    public void The_router_through_the_shares_of_those_it_chose(RouterScoring scoring, bool renormalise)
    {
        // Far enough apart that no step changes the choice.
        Tensor logits = Tensor.Of([0.9f, -1.2f, 0.3f, 1.7f, -0.6f, 0.1f, 1.1f, -1.9f], 2, 4);
        Check(new Router(scoring, 2, renormalise, 1.4f), logits);
    }

    [Fact]
    public void Elementwise()
    {
        Tensor a = Random(1, 3, 7);
        Check(new Add(), a, Random(2, 3, 7));
        Check(new Add(), a, Random(2, 7));
        Check(new Multiply(), a, Random(2, 3, 7));
        Check(new Multiply(), a, Random(2, 7));
        Check(new Scale(-1.7f), a);
        foreach (Activation function in Enum.GetValues<Activation>())
        {
            Check(new Activate(function), Away(a));
        }
    }

    [Fact]
    public void Norms_and_softmax()
    {
        Check(new RmsNorm(1e-2f), Random(1, 4, 6), Random(2, 6));
        Check(new RmsNorm(1e-2f), Random(1, 3, 2, 6), Random(2, 6));
        Check(new LayerNorm(1e-2f), Random(1, 4, 6), Random(2, 6), Random(3, 6));
        Check(new Softmax(), Random(1, 4, 6));
    }

    [Fact]
    public void Layout_and_rotation()
    {
        Check(new GatherRows(), Random(1, 5, 4), Tensor.Of([4, 1, 1, 0], 4));
        Check(new Reshape(new Shape(6, 2)), Random(1, 3, 4));
        Check(new Columns(1, 3), Random(1, 4, 6));
        Tensor factors = Tensor.Of([1f, 2f], 2);
        foreach (RopePairing pairing in Enum.GetValues<RopePairing>())
        {
            Check(new Rope(pairing, 4, 100, 1.5f), [Random(1, 6, 2, 6), Places], constants: []);
            Check(new Rope(pairing, 4, 100), [Random(1, 6, 2, 6), Places, factors], constants: [2]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Attention_within_segments_and_window(int window) =>
        Check(new CausalAttention(0.6f, window), [Random(1, 6, 4, 3), Random(2, 6, 2, 3), Random(3, 6, 2, 3), Starts], constants: [], onlyFirstOutput: true);

    [Fact]
    public void Losses()
    {
        Tensor targets = Tensor.Of([3, 0], 2);
        Tensor factors = Tensor.Of([0.7f, -1.3f], 2);
        Tensor logits = Random(1, 2, 5);
        Tensor teacher = Random(2, 2, 5);
        Tensor[] hard = Evaluate(new CrossEntropy(), logits, targets);
        CheckGradient(Evaluate(new CrossEntropyGradient(), logits, hard[1], targets, factors)[0], logits, () => Weighted(Evaluate(new CrossEntropy(), logits, targets)[0], factors), "cross-entropy");
        Tensor[] soft = Evaluate(new Distillation(2), logits, teacher);
        CheckGradient(Evaluate(new DistillationGradient(2), logits, teacher, soft[1], factors)[0], logits, () => Weighted(Evaluate(new Distillation(2), logits, teacher)[0], factors), "distillation");
    }

    [Fact]
    public void An_op_without_a_rule_is_named()
    {
        NotSupportedException error = Assert.Throws<NotSupportedException>(() => DifferentiationRule.Of(new Convolution1D(1, 0)));
        Assert.Contains("Convolution1D", error.Message, StringComparison.Ordinal);
    }

    static void Check(Op op, params Tensor[] inputs) => Check(op, inputs, constants: []);

    /// <summary>All float32 inputs that are not constants are parameters; the loss is a random weighting of what comes out.</summary>
    static void Check(Op op, Tensor[] inputs, int[] constants, bool onlyFirstOutput = false)
    {
        GraphBuilder builder = new("rule");
        Tape tape = new(builder, Checkpointing.None);
        List<(Value Value, Tensor Tensor)> bound = [];
        Dictionary<int, Tensor> gradients = [];
        Value[] values = new Value[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            bool trained = inputs[i].Format == TensorFormat.F32 && !constants.Contains(i);
            values[i] = trained ? builder.State($"p{i}", inputs[i].Type) : builder.Input($"p{i}", inputs[i].Type);
            bound.Add((values[i], inputs[i]));
            if (trained)
            {
                Value gradient = builder.State($"p{i}.gradient", inputs[i].Type);
                gradients[i] = Tensor.Allocate(TensorFormat.F32, [.. inputs[i].Shape.Dims]);
                bound.Add((gradient, gradients[i]));
                tape.Parameter(values[i], gradient);
            }
        }

        ImmutableArray<Value> outputs = tape.ApplyMany("y", op, values);
        Adjoint adjoint = new(builder, tape);
        Dictionary<int, Tensor> weights = [];
        for (int i = 0; i < outputs.Length; i++)
        {
            if (outputs[i].Type.Format == TensorFormat.F32 && (i == 0 || !onlyFirstOutput))
            {
                weights[i] = Random(10 + i, [.. outputs[i].Type.Shape.Dims]);
                Value dy = builder.Input($"dy{i}", outputs[i].Type);
                bound.Add((dy, weights[i]));
                adjoint.Add(outputs[i], dy);
            }
        }

        DifferentiationRule.Of(op).Apply(tape.Nodes[0], adjoint);
        foreach (Value sum in tape.Accumulators)
        {
            builder.Output(sum);
        }

        using Plan plan = new ReferenceInterpreter().Lower(builder.Build(), new PlanLimits());
        using Execution execution = plan.CreateExecution();
        bound.ForEach(pair => execution.Bind(pair.Value, pair.Tensor));
        execution.Run();
        foreach ((int i, Tensor gradient) in gradients)
        {
            CheckGradient(gradient, inputs[i], () => Evaluate(op, inputs).Select((y, j) => weights.TryGetValue(j, out Tensor? w) ? Weighted(y, w) : 0).Sum(), $"{op} input {i}");
        }
    }

    static void CheckGradient(Tensor gradient, Tensor input, Func<double> loss, string what)
    {
        for (int i = 0; i < input.Shape.ElementCount; i++)
        {
            float value = input.View.Floats[i];
            double At(double steps)
            {
                input.View.Floats[i] = (float)(value + (steps * Step));
                return loss();
            }

            double slope = ((8 * (At(1) - At(-1))) - (At(2) - At(-2))) / (12 * Step);
            input.View.Floats[i] = value;
            Assert.True(Math.Abs(slope - gradient.View.Floats[i]) <= 2e-4 * Math.Max(1, Math.Abs(slope)), $"{what}, element {i}: the rule says {gradient.View.Floats[i]}, differences {slope}");
        }
    }

    static Tensor[] Evaluate(Op op, params Tensor[] inputs)
    {
        TensorType[] types = [.. inputs.Select(input => input.Type)];
        Tensor[] outputs = [.. op.Infer(types).Select(type => Tensor.Allocate(type.Format, [.. type.Shape.Dims]))];
        op.Evaluate([.. inputs.Select(input => input.View)], [.. outputs.Select(output => output.View)]);
        return outputs;
    }

    static double Weighted(Tensor y, Tensor weights) => y.ToFloats().Zip(weights.ToFloats()).Sum(pair => (double)pair.First * pair.Second);

    static Tensor Random(int seed, params Dim[] dims)
    {
        Random random = new(seed);
        Tensor tensor = Tensor.Allocate(TensorFormat.F32, dims);
        foreach (ref float value in tensor.View.Floats)
        {
            value = (float)((2.4 * random.NextDouble()) - 1.2);
        }

        return tensor;
    }

    /// <summary>Away from 0, where one function has a kink.</summary>
    static Tensor Away(Tensor tensor) => Tensor.Of([.. tensor.ToFloats().Select(value => value + (0.1f * MathF.Sign(value)))], [.. tensor.Shape.Dims]);
}
