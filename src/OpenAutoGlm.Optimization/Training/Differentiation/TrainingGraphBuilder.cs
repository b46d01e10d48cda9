using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>
/// Writes a training graph: the model's nodes over packed sequences instead of KV memory, the loss, and then, from the last node to
/// the first, what each rule says.
/// </summary>
sealed class TrainingGraphBuilder
{
    readonly ModelGraph _model;
    readonly TrainingGraphOptions _options;
    readonly bool _backward;
    readonly GraphBuilder _graph;
    readonly Tape _tape;
    readonly Dictionary<Value, Value> _values = [];
    readonly List<GraphParameter> _parameters = [];
    readonly Value _starts;

    internal TrainingGraphBuilder(ModelGraph model, TrainingGraphOptions options, bool backward)
    {
        (_model, _options, _backward) = (model, options, backward);
        _graph = new GraphBuilder($"{model.Name} {(backward ? "training" : "evaluation")}");
        _tape = new Tape(_graph, options.Checkpointing);
        foreach (string name in (string[])[ModelInputs.Ids, ModelInputs.Positions, ModelInputs.OutputRows])
        {
            _values.Add(model[name], _graph.Input(name, model[name].Type));
        }

        _starts = _graph.Input(TrainingGraph.Starts, TensorType.I32(Dim.Tokens));
    }

    internal TrainingGraph Build()
    {
        if (_model.Outputs is not [{ Name: ModelInputs.Logits }] || _model.Nodes[^1] is not { Op: MatMul } head || head.Outputs[0] != _model.Outputs[0])
        {
            throw new ArgumentException($"The graph {_model.Name} must end in logits to be trained, not in {string.Join(", ", _model.Outputs)}.");
        }

        if (_options is { LossRows: not null, Temperature: not null })
        {
            throw new ArgumentException("A teacher's logits are compared with all of the student's: leave LossRows out.");
        }

        bool adapted = _options.Lora?.Covers(WeightName.Of(head.Inputs[1].Name).Whole) ?? false;
        bool inParts = _options.LossRows is not null && !adapted;
        foreach (Node node in inParts ? _model.Nodes[..^1] : _model.Nodes)
        {
            Forward(node);
        }

        int vocab = head.Outputs[0].Type.Shape.Last.Size;
        TrainingGraph graph = inParts ? InParts(head, vocab) : Whole(vocab);
        return _parameters.Count > 0 ? graph : throw new ArgumentException($"Nothing of {_model.Name} is trained: no weight was chosen.");
    }

    TrainingGraph Whole(int vocab)
    {
        Value logits = _values[_model.Outputs[0]];
        Value targets = _graph.Input(TrainingGraph.Targets, TensorType.I32(Dim.Outputs));
        ImmutableArray<Value> losses = _graph.ApplyMany("losses", new CrossEntropy(), logits, targets);
        ImmutableArray<Value> distances = [];
        Value? teacher = null;
        if (_options.Temperature is { } temperature)
        {
            teacher = _graph.Input(TrainingGraph.TeacherLogits, logits.Type);
            distances = _graph.ApplyMany("distances", new Distillation(temperature), logits, teacher);
        }

        _graph.Output(losses[0]);
        if (teacher is not null)
        {
            _graph.Output(distances[0]);
        }

        if (_backward)
        {
            Backward(logits, targets, losses[1], teacher, distances);
        }
        else
        {
            _graph.Output(logits);
        }

        return new TrainingGraph(_graph.Build(), [.. _parameters], losses[0], teacher is null ? null : distances[0], logits, vocab);
    }

    /// <summary>Projection, loss and their gradients at once, some rows at a time.</summary>
    TrainingGraph InParts(Node head, int vocab)
    {
        (Value x, Value w) = (Map(head.Inputs[0]), Map(head.Inputs[1]));
        Value? sum = _backward ? _tape.Accumulator(w) : null;
        ProjectionGradients gradients = !_backward ? ProjectionGradients.None : sum is null ? ProjectionGradients.Rows : ProjectionGradients.RowsAndWeight;
        List<Value> inputs = [x, w, _graph.Input(TrainingGraph.Targets, TensorType.I32(Dim.Outputs))];
        if (_backward)
        {
            inputs.Add(_graph.Input(TrainingGraph.Factors, TensorType.F32(Dim.Outputs)));
        }

        if (sum is not null)
        {
            inputs.Add(sum);
        }

        ImmutableArray<Value> outputs = _graph.ApplyMany("losses", new ProjectedCrossEntropy(_options.Arithmetic, _options.LossRows!.Value, gradients), [.. inputs]);
        _graph.Output(outputs[0]);
        if (_backward)
        {
            Adjoint adjoint = new(_graph, _tape);
            if (sum is not null)
            {
                _tape.Accumulated(w, outputs[2]);
            }

            if (adjoint.Wants(x))
            {
                adjoint.Add(x, outputs[1]);
            }

            Reverse(adjoint);
        }

        return new TrainingGraph(_graph.Build(), [.. _parameters], outputs[0], null, null, vocab);
    }

    void Backward(Value logits, Value targets, Value logSums, Value? teacher, ImmutableArray<Value> distances)
    {
        Adjoint adjoint = new(_graph, _tape);
        Value factors = _graph.Input(TrainingGraph.Factors, TensorType.F32(Dim.Outputs));
        if (teacher is not null)
        {
            Value distanceFactors = _graph.Input(TrainingGraph.DistanceFactors, TensorType.F32(Dim.Outputs));
            adjoint.Add(logits, adjoint.Apply(logits, new DistillationGradient(_options.Temperature!.Value), logits, teacher, distances[1], distanceFactors));
        }

        adjoint.Add(logits, adjoint.Apply(logits, new CrossEntropyGradient(), logits, logSums, targets, factors));
        Reverse(adjoint);
    }

    void Reverse(Adjoint adjoint)
    {
        foreach (Node node in _tape.Nodes.Reverse())
        {
            if (node.Outputs.Any(output => adjoint.Of(output) is not null))
            {
                DifferentiationRule.Of(node.Op).Apply(node, adjoint);
                adjoint.Done(node);
            }
        }

        foreach (Value sum in _tape.Accumulators)
        {
            _graph.Output(sum);
        }
    }

    void Forward(Node node)
    {
        string name = node.Outputs[0].Name;
        switch (node.Op)
        {
            case KvWrite:
                // What is written now is all that is seen.
                _values.Add(node.Outputs[0], Map(node.Inputs[1]));
                break;
            case PagedAttention attention:
                CausalAttention causal = new(attention.Scale, attention.Window);
                Set(node, _tape.ApplyMany(name, causal, Map(node.Inputs[0]), Map(node.Inputs[1]), Map(node.Inputs[2]), _starts)[..1]);
                break;
            case MatMul:
                Set(node, [Product(name, Map(node.Inputs[0]), node.Inputs[1])]);
                break;
            case Router:
                // The bias only chooses.
                Set(node, _tape.ApplyMany(name, node.Op, [Map(node.Inputs[0]), .. node.Inputs.Skip(1).Select(Constant)]));
                break;
            case Rope:
                Set(node, _tape.ApplyMany(name, node.Op, [Map(node.Inputs[0]), Map(node.Inputs[1]), .. node.Inputs.Skip(2).Select(Constant)]));
                break;
            default:
                Set(node, _tape.ApplyMany(name, node.Op, [.. node.Inputs.Select(Map)]));
                break;
        }
    }

    /// <summary>y = x · wᵀ, with an adapter beside it where one was chosen.</summary>
    Value Product(string name, Value x, Value weight)
    {
        TrainedMatMul product = new(_options.Arithmetic);
        Value w = Map(weight);
        if (_options.Lora is not { } lora || !lora.Covers(WeightName.Of(weight.Name).Whole))
        {
            return _tape.Apply(name, product, x, w);
        }

        (Dim outputs, Dim inputs) = (weight.Type.Shape[0], weight.Type.Shape[1]);
        Value a = Parameter($"{weight.Name}.lora_a", TensorType.F32(lora.Rank, inputs));
        Value b = Parameter($"{weight.Name}.lora_b", TensorType.F32(outputs, lora.Rank));
        Value given = _tape.Apply($"{name}.base", product, x, w);
        Value low = _tape.Apply($"{name}.lora_low", product, x, a);
        Value high = _tape.Apply($"{name}.lora_high", product, low, b);
        return _tape.Apply(name, new Add(), given, _tape.Apply($"{name}.lora", new Scale(lora.Scale), high));
    }

    /// <summary>The training graph's value for one of the model's: a weight becomes a parameter where it is trained.</summary>
    Value Map(Value value)
    {
        if (_values.TryGetValue(value, out Value? known))
        {
            return known;
        }

        string whole = WeightName.Of(value.Name).Whole;
        bool trained = value.Kind == ValueKind.Weight && _options.Lora is null && (_options.Trains?.Invoke(whole) ?? true);
        Value mapped = trained ? Parameter(value.Name, new TensorType(value.Type.Shape, TensorFormat.F32)) : Constant(value);
        if (trained && _options.Quantization?.Invoke(whole) is { } format)
        {
            Value rounded = _tape.Apply($"{value.Name}.rounded", new FakeQuantize(format), mapped);
            _tape.Stands(rounded, mapped);
            mapped = rounded;
        }

        _values[value] = mapped;
        return mapped;
    }

    Value Constant(Value value) => value.Constant is { } constant
        ? _graph.Weight(value.Name, constant)
        : throw new ArgumentException($"The graph {_model.Name} needs the {value.Kind} {value}, which training does not give.");

    Value Parameter(string name, TensorType type)
    {
        Value weight = _graph.State(name, type);
        Value? gradient = _backward ? _graph.State($"{name}.gradient", type) : null;
        _tape.Parameter(weight, gradient ?? weight);
        _parameters.Add(new GraphParameter(name, weight, gradient));
        return weight;
    }

    void Set(Node node, ImmutableArray<Value> outputs)
    {
        for (int i = 0; i < outputs.Length; i++)
        {
            _values.Add(node.Outputs[i], outputs[i]);
        }
    }
}
