using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// The experts' answers and their weighed sum: a chunk is some panels of every expert, so the thread has all answers to
/// a token in its cache and adds them in the order of choice, whatever the order in which the experts came.
/// </summary>
sealed unsafe class CombinedExpertKernel<T> : FusedExpertKernel<T>
    where T : struct, ILanes<T>
{
    const int MostPairs = 1024;

    /// <summary>Half of a second cache: the more panels at once, the fewer times the rows of all experts come by.</summary>
    const int TileElements = 131072;

    readonly CombinedExpertMatMul _op;
    int _panels;
    int _panelsPerChunk;

    internal CombinedExpertKernel(string name, WorkerPool pool, Node node, PanelProduct product, PlanScope scope)
        : base(name, pool, node, chosenInput: 2, [product], scope, MostPairs, pairs => Math.Max(TileElements, 2L * pairs * PanelProduct.PanelRows)) =>
        _op = (CombinedExpertMatMul)node.Op;

    public override void Execute(int chunk, int worker)
    {
        int panel = chunk * _panelsPerChunk;
        int panels = Math.Min(_panelsPerChunk, _panels - panel);
        int stride = panels * PanelProduct.PanelRows;
        int column = panel * PanelProduct.PanelRows;
        float* tile = Tile(worker); // [pairs, panels, 16]
        for (int i = 0; i < Pairs.Active; i++)
        {
            int expert = Pairs.Expert(i);
            PackedWeights matrix = Weights[0].Matrix(expert);
            RowList all = Pairs.Rows(expert);
            for (int start = 0; start < all.Count; start += PanelProduct.MostRows)
            {
                Multiply(0, matrix, panel, panels, all.Slice(start, Math.Min(PanelProduct.MostRows, all.Count - start)), tile, stride, worker);
            }
        }

        int columns = Math.Min(stride, Y.RowLength - column);
        for (int token = 0; token < Tokens; token++)
        {
            Combine(token, tile + ((long)token * Used * stride), stride, column, columns);
        }
    }

    protected override int Begin()
    {
        _panels = Weights[0].Matrix(0).Panels;
        int room = Math.Max(2, TileElements / (Tokens * Used * PanelProduct.PanelRows) / 2 * 2);
        _panelsPerChunk = Math.Min(room, SharedChunks.Size(_panels * Pairs.Active, Pool.Threads));
        return (_panels + _panelsPerChunk - 1) / _panelsPerChunk;
    }

    /// <summary>One fused multiply-add for each expert in the order of choice, as <see cref="Experts.CombineExpertsKernel{T}"/>, then the sums.</summary>
    [MethodImpl(Jit.Loop)]
    void Combine(int token, float* answers, int stride, int column, int columns)
    {
        long row = First + token;
        float* shares = (float*)Inputs[3].Data + (row * Used);
        float* y = (float*)Y.Data + (row * Y.RowLength) + column;
        for (int i = 0; i < columns; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, columns - i);
            T sum = T.Zero;
            for (int j = 0; j < Used; j++)
            {
                sum = T.MultiplyAdd(T.Broadcast(shares[j]), T.LoadFirst(answers + ((long)j * stride) + i, count), sum);
            }

            // An output may lie where one of the tensors does that are added, so it is written last.
            for (int j = 0; j < _op.Sums; j++)
            {
                float* term = (float*)Inputs[CombinedExpertMatMul.FirstSum + j].Data + (row * Y.RowLength) + column + i;
                sum += T.LoadFirst(term, count);
            }

            T.StoreFirst(sum, y + i, count);
        }
    }
}
