using OpenAutoGlm.Cpu.Kernels.Experts;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// What the fused steps over experts have in common: the tokens go through in passes, the rows of a pass are made ready
/// once, and its pairs of token and expert are sorted once.
/// </summary>
abstract unsafe class FusedExpertKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    readonly Scratch _scratch;
    readonly RowStage<T> _stage;
    readonly int _chosenInput;
    readonly long _productBytes;
    readonly long _workerBytes;
    byte* _memory;

    /// <param name="name">What plans print.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="node">The node; input 0 are the rows, [tokens, in] or [tokens, used, in].</param>
    /// <param name="chosenInput">Which input says the experts.</param>
    /// <param name="products">How the rows meet each weight.</param>
    /// <param name="scope">Scratch memory and limits.</param>
    /// <param name="mostPairs">Pairs of a pass, unless a token has more.</param>
    /// <param name="tileElements">Floats that each thread keeps, for so many pairs.</param>
    protected FusedExpertKernel(string name, WorkerPool pool, Node node, int chosenInput, PanelProduct[] products, PlanScope scope, int mostPairs, Func<int, long> tileElements)
    {
        (TensorType x, TensorType chosen) = (node.Inputs[0].Type, node.Inputs[chosenInput].Type);
        (Name, Pool, Products, _scratch, _chosenInput) = (name, pool, products, scope.Scratch, chosenInput);
        Used = chosen.Shape.Last.Size;
        RowsPerToken = x.Shape.Rank == 3 ? Used : 1;
        PassTokens = Math.Min(scope.Limits.Of(x.Shape[0]), Math.Max(1, mostPairs / Used));
        int k = x.Shape.Last.Size;
        _stage = new RowStage<T>(pool, new RowPrologue<T>(null, k, keep: false, table: null), k, products, PassTokens * RowsPerToken, []);
        Weights = [.. products.Select((product, i) => new WeightPanels(node.Inputs[1 + i], product, pool, scope.Weights))];
        Pairs = new ExpertPairs(node.Inputs[1].Type.Shape[0].Size, Used, PassTokens, RowsPerToken > 1 || x.Shape.Rank == 3);
        _productBytes = Scratch.Lines(products.Max(product => product.WorkerBytes));
        _workerBytes = _productBytes + Scratch.Lines(tileElements(PassTokens * Used) * sizeof(float));
        _scratch.Require(_stage.Bytes + (_workerBytes * pool.Threads));
        Inputs = new TensorView[node.Inputs.Length];
    }

    public sealed override string Name { get; }

    protected WorkerPool Pool { get; }

    protected PanelProduct[] Products { get; }

    protected WeightPanels[] Weights { get; }

    protected ExpertPairs Pairs { get; }

    protected TensorView[] Inputs { get; }

    /// <summary>What comes out.</summary>
    protected TensorView Y { get; private set; }

    protected int Used { get; }

    protected int RowsPerToken { get; }

    protected int PassTokens { get; }

    /// <summary>The first token of the pass.</summary>
    protected int First { get; private set; }

    /// <summary>Tokens of the pass.</summary>
    protected int Tokens { get; private set; }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        inputs.CopyTo(Inputs);
        Y = outputs[0];
        for (int i = 0; i < Weights.Length; i++)
        {
            Weights[i].Use(Inputs[1 + i]);
        }

        _stage.Begin(Inputs, outputs);
        _memory = _scratch.Pointer;
        int tokens = Inputs[_chosenInput].RowCount;
        for (First = 0; First < tokens; First += PassTokens)
        {
            Tokens = Math.Min(PassTokens, tokens - First);
            _stage.Run(First * RowsPerToken, Tokens * RowsPerToken, _memory, _memory + _stage.Bytes, _workerBytes);
            Pairs.Sort((int*)Inputs[_chosenInput].Data + ((long)First * Used), Tokens);
            Pool.Run(this, Begin());
        }
    }

    public abstract void Execute(int chunk, int worker);

    /// <summary>Into how many chunks the pass falls.</summary>
    protected abstract int Begin();

    /// <summary>The floats that a thread keeps.</summary>
    protected float* Tile(int worker) => (float*)(_memory + _stage.Bytes + (_workerBytes * worker) + _productBytes);

    protected void Multiply(int index, PackedWeights matrix, int panel, int panels, RowList rows, float* y, long stride, int worker) =>
        Products[index].Multiply(matrix, panel, panels, rows, y, stride, _memory + _stage.OffsetOf(Products[index]), _memory + _stage.Bytes + (_workerBytes * worker));

    protected override void Dispose(bool disposing)
    {
        foreach (WeightPanels weights in Weights)
        {
            weights.Dispose();
        }

        Pairs.Dispose();
        _scratch.Dispose();
    }
}
