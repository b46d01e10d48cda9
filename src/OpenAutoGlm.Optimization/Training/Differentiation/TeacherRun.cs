using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>A teacher's logits after the tokens of a batch whose loss counts, from the plan that also serves it.</summary>
sealed class TeacherRun : IDisposable
{
    const int BlockTokens = 32;

    readonly Plan _plan;
    readonly Execution _execution;
    readonly List<Tensor> _bound = [];
    readonly Dictionary<string, Tensor> _inputs = [];
    readonly Tensor _logits; // [maxTokens, vocab]
    readonly Value _output;
    readonly int _blocks;

    internal TeacherRun(Teacher teacher, IBackend backend, int maxTokens)
    {
        ModelGraph graph = Architecture.Build(teacher.Config, teacher.Weights, new GraphOptions(BlockTokens, TensorFormat.F32));
        _output = graph[ModelInputs.Logits];
        _blocks = (maxTokens + BlockTokens - 1) / BlockTokens;
        _plan = backend.Lower(graph, new PlanLimits((Dim.Tokens, maxTokens), (Dim.Sequences, 1), (Dim.Outputs, maxTokens), (Dim.Blocks, _blocks), (Dim.KvBlocks, _blocks)));
        _execution = _plan.CreateExecution();
        foreach (string name in (string[])[ModelInputs.Ids, ModelInputs.Positions, ModelInputs.Slots, ModelInputs.Sequences, ModelInputs.OutputRows])
        {
            _inputs.Add(name, Bind(graph[name], Tensor.Allocate(TensorFormat.I32, maxTokens)));
        }

        Bind(graph[ModelInputs.BlockTable], Tensor.Of([.. Enumerable.Range(0, _blocks)], 1, _blocks));
        foreach (Value state in graph.OfKind(ValueKind.State))
        {
            Bind(state, Tensor.Allocate(state.Type.Format, [_blocks, .. state.Type.Shape.Dims[1..]]));
        }

        _execution.SetSize(Dim.Sequences, 1);
        _execution.SetSize(Dim.KvBlocks, _blocks);
        _logits = Tensor.Allocate(TensorFormat.F32, maxTokens, _output.Type.Shape.Last);
    }

    /// <summary>Runs the sequences of the batch one after another: [rows, vocab], valid until the next run.</summary>
    internal Tensor Run(PackedBatch batch)
    {
        int done = 0;
        for (int start = 0; start < batch.Ids.Length;)
        {
            int end = start + 1;
            while (end < batch.Ids.Length && batch.Starts[end] == start)
            {
                end++;
            }

            int count = 0;
            while (done + count < batch.Rows.Length && batch.Rows[done + count] < end)
            {
                _inputs[ModelInputs.OutputRows].View.Ints[count] = batch.Rows[done + count] - start;
                count++;
            }

            if (count > 0)
            {
                RunSegment(batch, start, end - start, count);
                _execution[_output].Floats.CopyTo(_logits.Rows(done, count).View.Floats);
                done += count;
            }

            start = end;
        }

        return _logits;
    }

    public void Dispose()
    {
        _execution.Dispose();
        _plan.Dispose();
        GC.KeepAlive(_bound);
    }

    void RunSegment(PackedBatch batch, int start, int tokens, int outputs)
    {
        batch.Ids.AsSpan(start, tokens).CopyTo(_inputs[ModelInputs.Ids].View.Ints);
        Span<int> places = _inputs[ModelInputs.Positions].View.Ints;
        Span<int> slots = _inputs[ModelInputs.Slots].View.Ints;
        for (int i = 0; i < tokens; i++)
        {
            (places[i], slots[i]) = (i, i);
        }

        _execution.SetSize(Dim.Tokens, tokens);
        _execution.SetSize(Dim.Outputs, outputs);
        _execution.SetSize(Dim.Blocks, (tokens + BlockTokens - 1) / BlockTokens);
        _execution.Run();
    }

    Tensor Bind(Value value, Tensor tensor)
    {
        _bound.Add(tensor);
        _execution.Bind(value, tensor);
        return tensor;
    }
}
