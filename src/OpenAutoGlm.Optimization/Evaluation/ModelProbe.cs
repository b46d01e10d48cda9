using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>How a <see cref="ModelProbe"/> looks at a model.</summary>
/// <param name="WindowTokens">Longest window, in tokens.</param>
/// <param name="KvFormat">What keys and values are stored in.</param>
/// <param name="Plain">Whether every node runs as a kernel of its own, so that all intermediate values can be seen; slower, and up to rounding the same.</param>
public sealed record ProbeOptions(int WindowTokens, TensorFormat KvFormat = TensorFormat.BF16, bool Plain = false);

/// <summary>
/// Runs windows of tokens through a model, each for itself from position 0, and shows the logits after every token: what
/// measuring quality, sensitivity and activations all begin with. Not thread-safe.
/// </summary>
public sealed class ModelProbe : IDisposable
{
    const int BlockTokens = 32;

    readonly Plan _plan;
    readonly Execution _execution;
    readonly Value _logits; // [outputs, vocab]
    readonly Tensor _ids; // [tokens]
    readonly Tensor _places; // [tokens]: 0, 1, 2, …
    readonly List<Tensor> _bound = [];
    readonly int _windowTokens;

    /// <summary>Builds the graph and has the backend lower it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights, which must live as long as the probe.</param>
    /// <param name="backend">What computes; it is not disposed.</param>
    /// <param name="options">How to look.</param>
    public ModelProbe(ModelConfig config, IWeights weights, IBackend backend, ProbeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.WindowTokens, 1, nameof(options));
        _windowTokens = options.WindowTokens;
        int blocks = (_windowTokens + BlockTokens - 1) / BlockTokens;
        Graph = Architecture.Build(config, weights, new GraphOptions(BlockTokens, options.KvFormat));
        PlanLimits limits = new((Dim.Tokens, _windowTokens), (Dim.Sequences, 1), (Dim.Outputs, _windowTokens), (Dim.Blocks, blocks), (Dim.KvBlocks, blocks));
        _plan = options.Plain ? backend.LowerPlain(Graph, limits) : backend.Lower(Graph, limits);
        _execution = _plan.CreateExecution();
        _logits = Graph[ModelInputs.Logits];
        _ids = Bind(ModelInputs.Ids, new int[_windowTokens]);
        _places = Bind(ModelInputs.Positions, [.. Enumerable.Range(0, _windowTokens)]);
        Bind(ModelInputs.Slots, _places);
        Bind(ModelInputs.OutputRows, _places);
        Bind(ModelInputs.Sequences, new int[_windowTokens]);
        Bind(ModelInputs.BlockTable, Tensor.Of([.. Enumerable.Range(0, blocks)], 1, blocks));
        foreach (Value state in Graph.OfKind(ValueKind.State))
        {
            Tensor memory = Tensor.Allocate(state.Type.Format, [blocks, .. state.Type.Shape.Dims[1..]]);
            _bound.Add(memory);
            _execution.Bind(state, memory);
        }

        _execution.SetSize(Dim.Sequences, 1);
        _execution.SetSize(Dim.KvBlocks, blocks);
    }

    /// <summary>The model as its architecture describes it, before any pass.</summary>
    public ModelGraph Graph { get; }

    /// <summary>Numbers in a row of logits.</summary>
    public int Vocab => _logits.Type.Shape.Last.Size;

    /// <summary>Runs a window from position 0.</summary>
    /// <param name="window">Token ids, as many as the probe was made for or fewer.</param>
    /// <param name="observe">Told of each step while its inputs and outputs are in place: <c>execution[value]</c> shows them.</param>
    /// <exception cref="ArgumentException">The window is empty or too long.</exception>
    public void Run(ReadOnlySpan<int> window, Action<PlanStep, Execution>? observe = null)
    {
        if (window.IsEmpty || window.Length > _windowTokens)
        {
            throw new ArgumentException($"A window has 1 to {_windowTokens} tokens, not {window.Length}.", nameof(window));
        }

        window.CopyTo(_ids.View.Ints);
        _execution.SetSize(Dim.Tokens, window.Length);
        _execution.SetSize(Dim.Outputs, window.Length);
        _execution.SetSize(Dim.Blocks, (window.Length + BlockTokens - 1) / BlockTokens);
        _execution.Run(observe is null ? null : step => observe(step, _execution));
    }

    /// <summary>The logits after a token of the last window: [vocab]. Valid until the next run.</summary>
    public ReadOnlySpan<float> Logits(int position) => _execution[_logits].Row(position);

    /// <inheritdoc/>
    public void Dispose()
    {
        _execution.Dispose();
        _plan.Dispose();
        GC.KeepAlive(_bound);
    }

    Tensor Bind(string name, int[] values) => Bind(name, Tensor.Of(values, values.Length));

    Tensor Bind(string name, Tensor tensor)
    {
        _bound.Add(tensor);
        _execution.Bind(Graph[name], tensor);
        return tensor;
    }
}
