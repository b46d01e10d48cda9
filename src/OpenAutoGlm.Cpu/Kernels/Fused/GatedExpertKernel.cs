using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>Gate and up of the chosen experts; whoever has multiplied some panels of both also joins them.</summary>
sealed unsafe class GatedExpertKernel<T> : FusedExpertKernel<T>
    where T : struct, ILanes<T>
{
    const int MostPairs = 4096;
    const int StepPanels = 2;
    const int TileElements = 65536;

    readonly Gate<T> _gate;
    readonly NativeMemoryOwner _identity = new(PanelProduct.MostRows * sizeof(int));
    int _panels;
    int _panelsPerChunk;
    int _chunksPerExpert;

    internal GatedExpertKernel(string name, WorkerPool pool, Node node, PanelProduct gate, PanelProduct up, PlanScope scope)
        : base(name, pool, node, chosenInput: 3, [gate, up], scope, MostPairs, _ => 2 * TileElements)
    {
        _gate = Gate<T>.Of(((GatedExpertMatMul)node.Op).Gate);
        for (int i = 0; i < PanelProduct.MostRows; i++)
        {
            ((int*)_identity.Pointer)[i] = i;
        }
    }

    public override void Execute(int chunk, int worker)
    {
        int expert = Pairs.Expert(chunk / _chunksPerExpert);
        (PackedWeights gateWeights, PackedWeights upWeights) = (Weights[0].Matrix(expert), Weights[1].Matrix(expert));
        RowList all = Pairs.Rows(expert);
        float* gate = Tile(worker);
        float* up = gate + TileElements;
        int n = gateWeights.Count;
        float* y = (float*)Y.Data + ((long)First * Used * n);
        int begin = chunk % _chunksPerExpert * _panelsPerChunk;
        int end = Math.Min(_panels, begin + _panelsPerChunk);
        for (int start = 0; start < all.Count; start += PanelProduct.MostRows)
        {
            int count = Math.Min(PanelProduct.MostRows, all.Count - start);
            RowList rows = new(all.X + (start * sizeof(int)), (nint)_identity.Pointer, count);
            int step = Math.Max(1, TileElements / (count * PanelProduct.PanelRows * StepPanels)) * StepPanels;
            for (int panel = begin; panel < end; panel += step)
            {
                int panels = Math.Min(step, end - panel);
                int stride = panels * PanelProduct.PanelRows;
                int column = panel * PanelProduct.PanelRows;
                int columns = Math.Min(stride, n - column);
                Multiply(0, gateWeights, panel, panels, rows, gate, stride, worker);
                Multiply(1, upWeights, panel, panels, rows, up, stride, worker);
                for (int i = 0; i < count; i++)
                {
                    _gate.Row(gate + ((long)i * stride), up + ((long)i * stride), y + ((long)all.YOf(start + i) * n) + column, columns);
                }
            }
        }
    }

    protected override int Begin()
    {
        _panels = Weights[0].Matrix(0).Panels;
        _panelsPerChunk = Math.Min(_panels, SharedChunks.Size(_panels * Pairs.Active, Pool.Threads));
        _chunksPerExpert = (_panels + _panelsPerChunk - 1) / _panelsPerChunk;
        return Pairs.Active * _chunksPerExpert;
    }

    protected override void Dispose(bool disposing)
    {
        _identity.Dispose();
        base.Dispose(disposing);
    }
}
