using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// The product of activations rounded to BF16 and weights of BF16 by the matrix unit, in its order (<see cref="PairOrder.Tiles"/>): sixteen rows
/// take as long as one, so one row is one of sixteen. Rows are whole steps of 32 elements.
/// </summary>
abstract unsafe class MatrixProduct : PanelProduct
{
    /// <summary>Panels that pass a strip of activations together.</summary>
    private protected const int MostPanels = 8;

    const int SumsStride = MostPanels * PanelRows * sizeof(float);

    /// <summary>Elements of a strip where there are many rows: a pair of panels and 32 rows share the caches.</summary>
    private protected const int ManyElements = 512;

    /// <summary>A strip's row of rows that do not lie side by side, with a line behind it.</summary>
    const int GatheredStride = (ManyElements * sizeof(ushort)) + PanelFormat.LineBytes;

    readonly PairActivations<Lanes512> _activations;
    readonly MatrixUnit _unit;
    readonly nint[,] _code = new nint[3, 5]; // by tiles of rows and panels

    private protected MatrixProduct(CodeLibrary library, int k, PanelLayout layout, bool fetches)
        : base(k, layout)
    {
        _activations = new PairActivations<Lanes512>(k, Widened: false);
        _unit = new MatrixUnit(library);
        for (int rowTiles = 1; rowTiles <= 2; rowTiles++)
        {
            for (int panels = 1; panels <= MatrixPairCode.MostPanels(rowTiles); panels++)
            {
                _code[rowTiles, panels] = MatrixPairCode.Get(library, rowTiles, panels, fetches && rowTiles == 1).Entry;
            }
        }
    }

    internal override Activations Activations => _activations;

    internal override long WorkerBytes => OwnAt + OwnBytes;

    /// <summary>Bytes of scratch for <see cref="Take"/>.</summary>
    private protected virtual long OwnBytes => 0;

    static long SumsBytes => (MostRows + MatrixUnit.MostRows) * (long)SumsStride;

    long OwnAt => SumsBytes + Math.Max((MostRows + MatrixUnit.MostRows) * (long)GatheredStride, 2 * MatrixUnit.MostRows * _activations.RowBytes);

    /// <summary>Whether there is such a product here.</summary>
    internal static bool Serves(CodeLibrary library, int k) => Orders(library, k) && library.Has(EmittedFeatures.Matrix);

    /// <summary>Whether a product is defined in the order of the matrix unit.</summary>
    internal static bool Orders(CodeLibrary library, int k) => library.Order == PairOrder.Tiles && k % MatrixPairCode.StepElements == 0;

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        _unit.Open(MatrixPairCode.Sizes());
        for (int done = 0; done < panels; done += MostPanels)
        {
            int count = Math.Min(MostPanels, panels - done);
            Some(weights, panel + done, count, rows, activations, scratch);
            int columns = Math.Min(count * PanelRows, weights.Count - ((panel + done) * PanelRows));
            for (int i = 0; i < rows.Count; i++)
            {
                new ReadOnlySpan<float>(scratch + (i * SumsStride), columns).CopyTo(new Span<float>(y + (rows.YOf(i) * yStride) + (done * PanelRows), columns));
            }
        }

        _unit.Close();
    }

    /// <summary>Elements of a strip of few rows, which make one tile.</summary>
    private protected virtual int FewElements => K;

    /// <summary>Some panels' weights of a strip as tiles read them: where they are, and how far from one another.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="panel">The first panel.</param>
    /// <param name="panels">How many.</param>
    /// <param name="start">The first element of the strip.</param>
    /// <param name="elements">Its length.</param>
    /// <param name="next">Packed weights of the first panel of those that are wanted next.</param>
    /// <param name="own">Scratch of <see cref="OwnBytes"/>.</param>
    private protected abstract (nint First, long PanelBytes) Take(in PackedWeights weights, int panel, int panels, int start, int elements, (int Panel, int Start) next, byte* own);

    /// <summary>Some panels with all rows; their results come to the head of scratch.</summary>
    [MethodImpl(Jit.Loop)]
    void Some(in PackedWeights weights, int panel, int panels, RowList rows, byte* activations, byte* scratch)
    {
        long rowBytes = _activations.RowBytes;
        bool isFew = rows.Count <= MatrixUnit.MostRows;
        int stripElements = isFew ? FewElements : ManyElements;
        bool together = AreTogether(rows);
        byte* gathered = scratch + SumsBytes;
        long gatheredStride = isFew ? rowBytes : GatheredStride;
        MatrixPairArguments arguments = new() { Stride = together ? rowBytes : gatheredStride, SumsStride = SumsStride };
        for (int start = 0; start < K; start += stripElements)
        {
            int elements = Math.Min(stripElements, K - start);
            byte* x = activations + (rows.XOf(0) * rowBytes) + ((long)start * sizeof(ushort));
            if (!together)
            {
                x = gathered;
                for (int i = 0; i < rows.Count; i++)
                {
                    byte* from = activations + (rows.XOf(i) * rowBytes) + ((long)start * sizeof(ushort));
                    new ReadOnlySpan<byte>(from, elements * sizeof(ushort)).CopyTo(new Span<byte>(gathered + (i * gatheredStride), elements * sizeof(ushort)));
                }
            }

            arguments.Steps = elements / MatrixPairCode.StepElements;
            arguments.Adds = start;
            int step = MatrixPairCode.MostPanels(isFew ? 1 : 2);
            for (int done = 0; done < panels; done += step)
            {
                int count = Math.Min(step, panels - done);
                (int, int) next = done + count < panels ? (panel + done + count, start) : start + elements < K ? (panel, start + elements) : (panel + panels, 0);
                (nint first, arguments.PanelBytes) = Take(weights, panel + done, count, start, elements, next, scratch + OwnAt);
                arguments.Weights = (byte*)first;
                for (int row = 0; row < rows.Count; row += 2 * MatrixUnit.MostRows)
                {
                    arguments.X = x + (row * arguments.Stride);
                    arguments.Sums = scratch + (row * SumsStride) + (done * PanelFormat.LineBytes);
                    ((delegate* unmanaged<MatrixPairArguments*, void>)_code[rows.Count - row <= MatrixUnit.MostRows ? 1 : 2, count])(&arguments);
                }
            }
        }
    }

    /// <summary>Whether rows of activations lie side by side.</summary>
    static bool AreTogether(RowList rows)
    {
        for (int i = 1; i < rows.Count; i++)
        {
            if (rows.XOf(i) != rows.XOf(0) + i)
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>With weights that are BF16, which lie as tiles read them.</summary>
sealed unsafe class PairMatrixProduct(CodeLibrary library, int k) : MatrixProduct(library, k, PairPanels.Layout, fetches: true)
{
    internal override string Name => "BF16 matrix";

    private protected override (nint First, long PanelBytes) Take(in PackedWeights weights, int panel, int panels, int start, int elements, (int Panel, int Start) next, byte* own) =>
        ((nint)(weights.Panel(panel) + ((long)start / 2 * PanelFormat.LineBytes)), weights.PanelBytes);
}

/// <summary>
/// With quantised weights, which are taken apart to BF16 on the way: scale · code + minimum in float32 with one rounding, then the nearest BF16, halves away from zero. They are
/// packed as for <see cref="EmittedProduct"/>.
/// </summary>
sealed unsafe class QuantizedMatrixProduct : MatrixProduct
{
    /// <summary>Four panels' strip, taken apart, stays in the first cache.</summary>
    const int StripElements = 256;

    readonly PanelFormat _format;
    readonly delegate* unmanaged[SuppressGCTransition]<PairStripArguments*, void> _toStrip;

    internal QuantizedMatrixProduct(CodeLibrary library, TensorFormat format, int k)
        : base(library, k, PanelFormat.Of(format), fetches: false)
    {
        _format = PanelFormat.Of(format);
        _toStrip = (delegate* unmanaged[SuppressGCTransition]<PairStripArguments*, void>)PairStripCode.Get(library, _format).Entry;
    }

    internal override string Name => $"{_format.Format} as BF16 matrix";

    private protected override int FewElements => StripElements;

    // Two panels of many elements, or four of few, and behind them what is read in vain.
    private protected override long OwnBytes => 2 * PairPanels.Layout.PanelBytes(ManyElements);

    private protected override (nint First, long PanelBytes) Take(in PackedWeights weights, int panel, int panels, int start, int elements, (int Panel, int Start) next, byte* own)
    {
        long stripBytes = PairPanels.Layout.PanelBytes(elements);
        PairStripArguments arguments = new() { Units = elements / _format.Blocks.BlockElements };
        for (int i = 0; i < panels; i++)
        {
            arguments.Weights = weights.At(panel + i, start);
            arguments.Fetch = weights.At(next.Panel + i, next.Start);
            arguments.Strip = own + (i * stripBytes);
            _toStrip(&arguments);
        }

        return ((nint)own, stripBytes);
    }
}
