using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// The product of activations rounded to BF16 and a BF16 weight by the matrix unit, in its order (<see cref="PairOrder.Tiles"/>): sixteen rows
/// take as long as one, so one row is one of sixteen. Rows are whole steps of 32 elements.
/// </summary>
sealed unsafe class MatrixProduct : PanelProduct
{
    /// <summary>Elements of a strip where there are many rows: a pair of panels and 32 rows share the first cache.</summary>
    const int StripElements = 512;

    /// <summary>Panels that pass a strip of activations together.</summary>
    const int MostPanels = 8;

    const int SumsStride = MostPanels * PanelRows * sizeof(float);

    /// <summary>A strip's row of rows that do not lie side by side, with a line behind it.</summary>
    const int GatheredStride = (StripElements * sizeof(ushort)) + PanelFormat.LineBytes;

    readonly int _k;
    readonly PairActivations<Lanes512> _activations;
    readonly MatrixUnit _unit;
    readonly nint[,] _code = new nint[3, 5]; // by tiles of rows and panels

    internal MatrixProduct(CodeLibrary library, int k)
    {
        _k = k;
        _activations = new PairActivations<Lanes512>(k, Widened: false);
        _unit = new MatrixUnit(library);
        for (int rowTiles = 1; rowTiles <= 2; rowTiles++)
        {
            for (int panels = 1; panels <= MatrixPairCode.MostPanels(rowTiles); panels++)
            {
                _code[rowTiles, panels] = MatrixPairCode.Get(library, rowTiles, panels).Entry;
            }
        }
    }

    internal override string Name => "BF16 matrix";

    internal override Activations Activations => _activations;

    internal override string Packing => PairPanels.Name;

    internal override long PanelBytes => PairPanels.Bytes(_k);

    internal override long WorkerBytes => SumsBytes + Math.Max((MostRows + MatrixUnit.MostRows) * (long)GatheredStride, 2 * MatrixUnit.MostRows * _activations.RowBytes);

    static long SumsBytes => (MostRows + MatrixUnit.MostRows) * (long)SumsStride;

    /// <summary>Whether there is such a product here.</summary>
    internal static bool Serves(CodeLibrary library, int k) => Orders(library, k) && library.Has(EmittedFeatures.Matrix);

    /// <summary>Whether a product is defined in the order of the matrix unit.</summary>
    internal static bool Orders(CodeLibrary library, int k) => library.Order == PairOrder.Tiles && k % MatrixPairCode.StepElements == 0;

    internal override void Pack(byte* rows, long rowBytes, int count, byte* panel) => PairPanels.Pack(rows, rowBytes, count, _k, panel);

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

    /// <summary>Some panels with all rows; their results come to the head of scratch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Some(in PackedWeights weights, int panel, int panels, RowList rows, byte* activations, byte* scratch)
    {
        long rowBytes = _activations.RowBytes;
        int stripElements = rows.Count <= MatrixUnit.MostRows ? _k : StripElements;
        bool together = AreTogether(rows);
        byte* gathered = scratch + SumsBytes;
        long gatheredStride = rows.Count <= MatrixUnit.MostRows ? rowBytes : GatheredStride;
        MatrixPairArguments arguments = new() { PanelBytes = weights.PanelBytes, Stride = together ? rowBytes : gatheredStride, SumsStride = SumsStride };
        for (int start = 0; start < _k; start += stripElements)
        {
            int elements = Math.Min(stripElements, _k - start);
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
            int rowTiles = rows.Count <= MatrixUnit.MostRows ? 1 : 2;
            int step = MatrixPairCode.MostPanels(rowTiles);
            for (int done = 0; done < panels; done += step)
            {
                int count = Math.Min(step, panels - done);
                arguments.Weights = weights.Panel(panel + done) + ((long)start / 2 * PanelFormat.LineBytes);
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
