using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// The products of BF16, F16 and F32 weights with emitted tiles: strip after strip of k, so that the activations of a strip stay in the second cache while the panels
/// change. A result is one accumulator from the first element to the last, whatever the tiles.
/// </summary>
sealed unsafe class FloatTiles
{
    /// <summary>Bytes from what one tile uses to what it fetches, of each panel.</summary>
    const int FetchAhead = 4096;

    /// <summary>Panels that pass a strip of activations together.</summary>
    const int MostPanels = PackedWeights.GroupPanels;

    const int LineBytes = PanelFormat.LineBytes;

    readonly int _lines;
    readonly int _xBytes;
    readonly long _rowBytes;
    readonly delegate* unmanaged<FloatTileArguments*, void>[] _tiles; // by rows · MostPanels + panels

    /// <param name="library">Makes the code.</param>
    /// <param name="kind">What lines hold.</param>
    /// <param name="lines">Lines of a panel.</param>
    /// <param name="rowBytes">Bytes from a row of activations to the next.</param>
    internal FloatTiles(CodeLibrary library, FloatLine kind, int lines, long rowBytes)
    {
        (_lines, _rowBytes, _xBytes) = (lines, rowBytes, FloatTileCode.ActivationBytes(kind));
        _tiles = new delegate* unmanaged<FloatTileArguments*, void>[(FloatTileCode.MostRows + 1) * (FloatTileCode.MostPanels + 1)];
        for (int rows = 1; rows <= FloatTileCode.MostRows; rows++)
        {
            for (int panels = 1; panels <= FloatTileCode.MostPanels; panels++)
            {
                _tiles[(rows * FloatTileCode.MostPanels) + panels] = (delegate* unmanaged<FloatTileArguments*, void>)FloatTileCode.Get(library, kind, rows, panels).Entry;
            }
        }
    }

    /// <summary>Bytes that each thread needs.</summary>
    internal static long WorkerBytes => SumsBytes + BouncedBytes + (2 * PanelProduct.MostRows * (long)sizeof(nint));

    /// <summary>The sums of a call between its strips.</summary>
    static long SumsBytes => PanelProduct.MostRows * (long)FloatTileArguments.SumsStride;

    static long BouncedBytes => PanelProduct.MostRows * (long)LineBytes;

    /// <summary>As <see cref="PanelProduct.Multiply"/>.</summary>
    internal void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        int whole = Math.Min(panels, (weights.Count / PanelProduct.PanelRows) - panel);
        Whole(weights, panel, whole, rows, new Results(rows, (nint)y, yStride, InOrder: false), activations, scratch);
        if (whole < panels)
        {
            // The last panel lacks rows: all sixteen results go to another place first.
            Results bounced = new(rows, (nint)(scratch + SumsBytes), PanelProduct.PanelRows, InOrder: true);
            Whole(weights, panel + whole, 1, rows, bounced, activations, scratch);
            int columns = weights.RowsOf(panel + whole);
            for (int i = 0; i < rows.Count; i++)
            {
                new ReadOnlySpan<float>(bounced[i], columns).CopyTo(new Span<float>(y + (rows.YOf(i) * yStride) + (whole * PanelProduct.PanelRows), columns));
            }
        }
    }

    void Whole(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations, byte* scratch)
    {
        byte** x = (byte**)(scratch + SumsBytes + BouncedBytes);
        byte** y = x + PanelProduct.MostRows;
        for (int i = 0; i < rows.Count; i++)
        {
            x[i] = activations + (rows.XOf(i) * _rowBytes);
            y[i] = (byte*)results[i];
        }

        // One tile needs its weights once: there is no cache to stay in, and no sums to keep there.
        int tiles = (rows.Count + FloatTileCode.MostRows - 1) / FloatTileCode.MostRows;
        int step = tiles == 1 ? panels : MostPanels;
        FloatTileArguments arguments = new() { PanelBytes = weights.PanelBytes, FetchStep = Math.Max(1, LineBytes / tiles), X = x, Sums = scratch };
        for (int done = 0; done < panels; done += step)
        {
            Strips(arguments, weights.Panel(panel + done), Math.Min(step, panels - done), tiles, rows.Count, y, done * LineBytes);
        }
    }

    /// <summary>Strip after strip of some panels, whose results go so many bytes behind where y points to.</summary>
    [MethodImpl(Jit.Loop)]
    void Strips(FloatTileArguments arguments, byte* panel, int panels, int tiles, int rows, byte** y, long yOffset)
    {
        byte** x = arguments.X;
        byte* sums = arguments.Sums;
        int stripLines = tiles == 1 ? _lines : FloatTileCode.StripLines;
        for (int start = 0; start < _lines; start += stripLines)
        {
            // Rows of y are too far apart to stay in a cache, so sums do not go there before they are whole.
            bool isLast = start + stripLines >= _lines;
            arguments.Lines = Math.Min(stripLines, _lines - start);
            arguments.Adds = start;
            arguments.XOffset = (long)start * _xBytes;
            byte* strip = panel + ((long)start * LineBytes);
            for (int done = 0; done < panels; done += FloatTileCode.MostPanels)
            {
                int count = Math.Min(FloatTileCode.MostPanels, panels - done);
                arguments.Weights = strip + (done * arguments.PanelBytes);
                arguments.X = x;
                arguments.Sums = sums + (done * LineBytes);
                arguments.Y = isLast ? y : null;
                arguments.YOffset = yOffset + (done * LineBytes);

                // All tiles share in fetching what comes next: the next panels' strip, the first ones' next strip, or what lies behind these panels.
                arguments.Fetch = tiles == 1 ? arguments.Weights + FetchAhead
                    : done + count < panels ? arguments.Weights + (count * arguments.PanelBytes)
                    : isLast ? panel + (panels * arguments.PanelBytes)
                    : strip + (FloatTileCode.StripLines * LineBytes);
                for (int left = tiles, rest = rows; left > 0; left--)
                {
                    int high = (rest + left - 1) / left;
                    rest -= high;
                    arguments.Ahead = rest > 0 ? high * _rowBytes : 0;
                    _tiles[(high * FloatTileCode.MostPanels) + count](&arguments);
                    arguments.X += high;
                    arguments.Sums += high * FloatTileArguments.SumsStride;
                    arguments.Y = arguments.Y is null ? null : arguments.Y + high;
                    arguments.Fetch += arguments.FetchStep * arguments.Lines;
                }
            }
        }
    }
}
