using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Logits;

/// <summary>
/// One sequence through a model's graph on a backend, without the engine: so that a wrong number is the graph's or a
/// kernel's fault and nobody else's.
/// </summary>
sealed class ModelRun : IDisposable
{
    const int BlockTokens = 16;

    readonly Plan _plan;
    readonly Execution _execution;
    readonly int _slots;
    int _position;

    internal ModelRun(IBackend backend, ModelConfig config, IWeights weights, int mostTokens, TensorFormat kvFormat = TensorFormat.F32)
    {
        Graph = Architecture.Build(config, weights, new GraphOptions(BlockTokens, kvFormat));
        int blocks = (mostTokens + BlockTokens - 1) / BlockTokens;
        _slots = blocks * BlockTokens;
        _plan = backend.Lower(Graph, new PlanLimits((Dim.Tokens, mostTokens), (Dim.Sequences, 1), (Dim.Outputs, mostTokens), (Dim.Blocks, blocks), (Dim.KvBlocks, blocks)));
        _execution = _plan.CreateExecution();
        foreach (Value state in Graph.OfKind(ValueKind.State))
        {
            _execution.Bind(state, Tensor.Allocate(kvFormat, [blocks, .. state.Type.Shape.Dims.AsSpan()[1..]]));
        }

        // The blocks lie backwards in memory, so that nothing works only because a sequence happens to be contiguous.
        Bind(ModelInputs.BlockTable, [.. Enumerable.Range(0, blocks).Reverse()], 1, blocks);
        _execution.SetSize(Dim.KvBlocks, blocks);
        _execution.SetSize(Dim.Sequences, 1);
        _execution.SetSize(Dim.Blocks, blocks);
    }

    internal ModelGraph Graph { get; }

    internal Execution Execution => _execution;

    /// <summary>Runs the next tokens of the sequence; logits of every one of them, row after row.</summary>
    internal float[] Run(ReadOnlySpan<int> ids, Action<PlanStep>? after = null)
    {
        int count = ids.Length;
        int[] positions = [.. Enumerable.Range(_position, count)];
        Bind(ModelInputs.Ids, ids.ToArray(), count);
        Bind(ModelInputs.Positions, positions, count);
        Bind(ModelInputs.Slots, [.. positions.Select(position => _slots - BlockTokens - (position / BlockTokens * BlockTokens) + (position % BlockTokens))], count);
        Bind(ModelInputs.Sequences, new int[count], count);
        Bind(ModelInputs.OutputRows, [.. Enumerable.Range(0, count)], count);
        _execution.SetSize(Dim.Tokens, count);
        _execution.SetSize(Dim.Outputs, count);
        _execution.Run(after);
        _position += count;
        return _execution[Graph.Outputs[0]].Floats.ToArray();
    }

    /// <summary>The prompt and the ids that always taking the likeliest token adds to it.</summary>
    internal int[] Greedy(ReadOnlySpan<int> prompt, int count)
    {
        List<int> ids = [.. prompt];
        float[] logits = Run(prompt);
        for (int i = 0; i < count; i++)
        {
            int vocab = logits.Length / (i == 0 ? prompt.Length : 1);
            ReadOnlySpan<float> last = logits.AsSpan()[^vocab..];
            int best = 0;
            for (int id = 1; id < vocab; id++)
            {
                best = last[id] > last[best] ? id : best;
            }

            ids.Add(best);
            logits = Run([best]);
        }

        return [.. ids];
    }

    public void Dispose()
    {
        _execution.Dispose();
        _plan.Dispose();
    }

    void Bind(string input, int[] values, params ReadOnlySpan<Dim> dims) => _execution.Bind(Graph[input], Tensor.Of(values, dims));
}
