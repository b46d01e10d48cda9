using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine;

/// <summary>What computes batches: a model, or what stands in for one in tests of everything around it.</summary>
interface IModelRunner : IDisposable
{
    EngineLimits Limits { get; }

    KvPool Pool { get; }

    /// <summary>Computes a batch. After a failure the keys and values of its tokens are undefined, and nothing else is.</summary>
    void Run(Batch batch);

    /// <summary>One row of the last batch's logits: at least [vocab]; what is beyond is padding.</summary>
    ReadOnlySpan<float> Logits(int output);

    /// <summary>One row of the last batch's hidden states after the final norm: [hidden]. Rows of sequences that are to be embedded only.</summary>
    ReadOnlySpan<float> Hidden(int row) => throw new NotSupportedException("This runner has no hidden states.");

    /// <summary>The plan as text.</summary>
    string PrintPlan();
}

/// <summary>
/// Runs batches on a plan: writes token ids, positions, places and block tables where the plan reads them, and hands
/// out rows of logits. Owns plan, execution, inputs and key and value memory.
/// </summary>
sealed class ModelRunner : IModelRunner
{
    readonly Plan _plan;
    readonly Execution _execution;
    readonly HiddenPlan _hidden;
    readonly Dictionary<string, Tensor> _inputs = [];
    readonly NativeMemoryOwner[] _inputMemory;
    readonly Tensor _ids; // [tokens]
    readonly Tensor _positions; // [tokens]
    readonly Tensor _slots; // [tokens]
    readonly Tensor _sequences; // [tokens]: each token's row of the block table
    readonly Tensor _blockTable; // [sequences, blocks of the longest]
    readonly Tensor _outputRows; // [outputs]
    readonly Value _logits; // [outputs, vocab]

    ModelRunner(EngineLimits limits, ModelGraph graph, Func<ModelGraph> hiddenGraph, IBackend backend)
    {
        Limits = limits;
        Pool = new KvPool(limits.BlockCount, limits.BlockTokens, graph.OfKind(ValueKind.State));
        _plan = backend.Lower(graph, new PlanLimits(
            (Dim.Tokens, limits.MaxTokens),
            (Dim.Sequences, limits.MaxSequences),
            (Dim.Outputs, limits.MaxOutputs),
            (Dim.Blocks, limits.MaxBlocksPerSequence),
            (Dim.KvBlocks, Pool.BlockCount)));
        _execution = _plan.CreateExecution();
        foreach ((Value state, Tensor memory) in Pool.States)
        {
            _execution.Bind(state, memory);
            _inputs.Add(state.Name, memory);
        }

        _execution.SetSize(Dim.KvBlocks, Pool.BlockCount);
        List<NativeMemoryOwner> memories = [];
        _ids = Bind(ModelInputs.Ids, limits.MaxTokens);
        _positions = Bind(ModelInputs.Positions, limits.MaxTokens);
        _slots = Bind(ModelInputs.Slots, limits.MaxTokens);
        _sequences = Bind(ModelInputs.Sequences, limits.MaxTokens);
        _blockTable = Bind(ModelInputs.BlockTable, limits.MaxSequences, limits.MaxBlocksPerSequence);
        _outputRows = Bind(ModelInputs.OutputRows, limits.MaxOutputs);
        _inputMemory = [.. memories];
        _logits = graph[ModelInputs.Logits];
        _hidden = new HiddenPlan(() => backend.LowerBeside(_plan, hiddenGraph()), _inputs, Pool.BlockCount);

        Tensor Bind(string name, params ReadOnlySpan<Dim> extents)
        {
            TensorType type = TensorType.I32(extents);
            NativeMemoryOwner memory = new(Tensor.BytesOf(type));
            memories.Add(memory);
            Tensor tensor = Tensor.In(memory, type);
            _execution.Bind(graph[name], tensor);
            _inputs.Add(name, tensor);
            return tensor;
        }
    }

    public EngineLimits Limits { get; }

    public KvPool Pool { get; }

    /// <summary>The plan that runs.</summary>
    internal Plan Plan => _plan;

    /// <summary>Builds the graph, works out the limits, lowers and binds.</summary>
    internal static ModelRunner Create(ModelConfig config, IWeights weights, IBackend backend, EngineOptions options)
    {
        options.Validate();
        GraphOptions form = new(options.BlockTokens, options.KvFormat);
        ModelGraph graph = Architecture.Build(config, weights, form);
        EngineLimits limits = EngineLimits.Of(options, Math.Min(config.Vocab, options.VocabularySize ?? config.Vocab), config.ContextLength, Math.Max(1, KvLayout.BytesPerToken(graph)));
        return new ModelRunner(limits with { Window = EngineLimits.WindowOf(graph), Hidden = config.Hidden }, graph, () => Architecture.Build(config, weights, form with { EndsHidden = true }), backend);
    }

    public void Run(Batch batch) => Run(batch, after: null);

    /// <summary>
    /// The same; <paramref name="after"/> is told of every step of the plan. Sequences that are to be embedded run apart from
    /// the others, on a plan of their own.
    /// </summary>
    internal void Run(Batch batch, Action<PlanStep>? after)
    {
        if (batch.Tokens > batch.HiddenTokens)
        {
            RunPart(batch, embedded: false, _execution, after);
        }

        if (batch.HiddenTokens > 0)
        {
            RunPart(batch, embedded: true, _hidden.Execution, after);
        }
    }

    void RunPart(Batch batch, bool embedded, Execution execution, Action<PlanStep>? after)
    {
        int longest = 1;
        int sequences = 0;
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            if (embedded == entry.Sequence.Embedding is not null)
            {
                longest = Math.Max(longest, Pool.BlocksFor(entry.Start + entry.Count));
                sequences++;
            }
        }

        Fill(batch, embedded, longest);
        execution.SetSize(Dim.Tokens, embedded ? batch.HiddenTokens : batch.Tokens - batch.HiddenTokens);
        execution.SetSize(Dim.Sequences, sequences);
        execution.SetSize(Dim.Blocks, longest);
        execution.SetSize(Dim.Outputs, Math.Max(1, embedded ? 0 : batch.Outputs));
        execution.Run(after);
    }

    public ReadOnlySpan<float> Logits(int output) => _execution[_logits].Row(output);

    public ReadOnlySpan<float> Hidden(int row) => _hidden.Row(row);

    public string PrintPlan() => _plan.Print();

    public void Dispose()
    {
        _hidden.Dispose();
        _execution.Dispose();
        _plan.Dispose();
        Pool.Dispose();
        foreach (NativeMemoryOwner memory in _inputMemory)
        {
            memory.Dispose();
        }
    }

    void Fill(Batch batch, bool embedded, int longest)
    {
        Span<int> ids = _ids.View.Ints;
        Span<int> positions = _positions.View.Ints;
        Span<int> slots = _slots.View.Ints;
        Span<int> sequences = _sequences.View.Ints;
        Span<int> outputRows = _outputRows.View.Ints;
        Span<int> blockTable = _blockTable.View.Ints;

        // A plan has at least one output row: where no logits are wanted, those of the first token are computed for nobody.
        outputRows[0] = 0;
        int token = 0;
        int row = -1;
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            if (embedded != entry.Sequence.Embedding is not null)
            {
                continue;
            }

            row++;
            ReadOnlySpan<int> blocks = entry.Sequence.Blocks.Blocks;
            Span<int> table = blockTable.Slice(row * longest, longest);
            blocks[..Math.Min(blocks.Length, longest)].CopyTo(table);
            table[Math.Min(blocks.Length, longest)..].Clear();
            for (int i = 0; i < entry.Count; i++, token++)
            {
                int position = entry.Start + i;
                ids[token] = entry.Sequence.TokenAt(position);
                positions[token] = position;
                slots[token] = (blocks[position / Pool.BlockTokens] * Pool.BlockTokens) + (position % Pool.BlockTokens);
                sequences[token] = row;
            }

            for (int output = 0; output < entry.Outputs; output++)
            {
                outputRows[entry.FirstOutput + output] = token - entry.Outputs + output;
            }
        }
    }
}
