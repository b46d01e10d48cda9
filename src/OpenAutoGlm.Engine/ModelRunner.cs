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
    readonly NativeMemoryOwner[] _inputMemory;
    readonly Tensor _ids; // [tokens]
    readonly Tensor _positions; // [tokens]
    readonly Tensor _slots; // [tokens]
    readonly Tensor _sequences; // [tokens]: each token's row of the block table
    readonly Tensor _blockTable; // [sequences, blocks of the longest]
    readonly Tensor _outputRows; // [outputs]
    readonly Value _logits; // [outputs, vocab]

    ModelRunner(EngineLimits limits, ModelGraph graph, IBackend backend)
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

        Tensor Bind(string name, params ReadOnlySpan<Dim> extents)
        {
            TensorType type = TensorType.I32(extents);
            NativeMemoryOwner memory = new(Tensor.BytesOf(type));
            memories.Add(memory);
            Tensor tensor = Tensor.In(memory, type);
            _execution.Bind(graph[name], tensor);
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
        ModelGraph graph = Architecture.Build(config, weights, new GraphOptions(options.BlockTokens, options.KvFormat));
        EngineLimits limits = EngineLimits.Of(options, Math.Min(config.Vocab, options.VocabularySize ?? config.Vocab), config.ContextLength, Math.Max(1, KvLayout.BytesPerToken(graph)));
        return new ModelRunner(limits with { Window = EngineLimits.WindowOf(graph) }, graph, backend);
    }

    public void Run(Batch batch) => Run(batch, after: null);

    /// <summary>The same; <paramref name="after"/> is told of every step of the plan.</summary>
    internal void Run(Batch batch, Action<PlanStep>? after)
    {
        int longest = 1;
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            longest = Math.Max(longest, Pool.BlocksFor(entry.Start + entry.Count));
        }

        Fill(batch, longest);
        _execution.SetSize(Dim.Tokens, batch.Tokens);
        _execution.SetSize(Dim.Sequences, batch.Entries.Length);
        _execution.SetSize(Dim.Blocks, longest);
        _execution.SetSize(Dim.Outputs, Math.Max(1, batch.Outputs));
        _execution.Run(after);
    }

    public ReadOnlySpan<float> Logits(int output) => _execution[_logits].Row(output);

    public string PrintPlan() => _plan.Print();

    public void Dispose()
    {
        _execution.Dispose();
        _plan.Dispose();
        Pool.Dispose();
        foreach (NativeMemoryOwner memory in _inputMemory)
        {
            memory.Dispose();
        }
    }

    void Fill(Batch batch, int longest)
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
        for (int row = 0; row < batch.Entries.Length; row++)
        {
            BatchEntry entry = batch.Entries[row];
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
