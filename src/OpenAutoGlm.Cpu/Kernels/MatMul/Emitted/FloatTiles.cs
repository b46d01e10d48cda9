using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// The products of BF16, F16 and F32 weights with emitted tiles: strip after strip of k, so that the activations of a strip stay in the second cache while the panels
/// change. A result is one accumulator from the first element to the last, whatever the tiles.
/// </summary>
sealed unsafe class FloatTiles
{
    /// <summary>Of four panels they fill three quarters of a first cache of 32 KiB.</summary>
    const int StripLines = 96;

    /// <summary>Bytes from what one tile uses to what it fetches, of each panel.</summary>
    const int FetchAhead = 4096;

    /// <summary>Panels that pass a strip of activations together.</summary>
    const int MostPanels = 8;

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
    internal static long WorkerBytes => SumsBytes + (PanelProduct.MostRows * (long)LineBytes);

    /// <summary>The sums of a call between its strips.</summary>
    static long SumsBytes => PanelProduct.MostRows * (long)MostPanels * LineBytes;

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
        // One tile needs its weights once: there is no cache to stay in, and no sums to keep there.
        int tiles = (rows.Count + FloatTileCode.MostRows - 1) / FloatTileCode.MostRows;
        int step = tiles == 1 ? panels : MostPanels;
        for (int done = 0; done < panels; done += step)
        {
            Results part = results with { First = results.First + (done * LineBytes) };
            Tiles(weights.Panel(panel + done), weights.PanelBytes, Math.Min(step, panels - done), tiles, rows, part, activations, scratch);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Tiles(byte* panel, long panelBytes, int panels, int tiles, RowList rows, Results results, byte* activations, byte* sums)
    {
        int stripLines = tiles == 1 ? _lines : StripLines;
        FloatTileArguments arguments = new() { PanelBytes = panelBytes, FetchStep = Math.Max(1, LineBytes / tiles) };
        for (int start = 0; start < _lines; start += stripLines)
        {
            arguments.Lines = Math.Min(stripLines, _lines - start);
            arguments.Adds = start;

            // Rows of y are too far apart to stay in a cache, so sums do not go there before they are whole.
            bool isLast = start + stripLines >= _lines;
            int xBytes = _xBytes * (int)arguments.Lines;
            for (int done = 0; done < panels; done += FloatTileCode.MostPanels)
            {
                int count = Math.Min(FloatTileCode.MostPanels, panels - done);
                byte* strip = panel + ((long)start * LineBytes);
                arguments.Weights = strip + (done * panelBytes);

                // All tiles share in fetching what comes next: the next panels' strip, the first ones' next strip, or what lies behind these panels.
                arguments.Fetch = tiles == 1 ? arguments.Weights + FetchAhead
                    : done + count < panels ? arguments.Weights + (count * panelBytes)
                    : isLast ? panel + (panels * panelBytes)
                    : strip + (StripLines * LineBytes);
                for (int tile = 0, first = 0; tile < tiles; tile++)
                {
                    int high = (rows.Count - first + tiles - tile - 1) / (tiles - tile);
                    for (int i = 0; i < high; i++)
                    {
                        arguments.X[i] = (long)X(first + i, start);
                        arguments.Sums[i] = (long)(sums + ((((first + i) * MostPanels) + done) * LineBytes));
                        arguments.Y[i] = isLast ? (long)results[first + i] + (done * LineBytes) : arguments.Sums[i];
                    }

                    _tiles[(high * FloatTileCode.MostPanels) + count](&arguments);
                    first += high;
                    arguments.Fetch += arguments.FetchStep * arguments.Lines;
                    if (tiles > 1)
                    {
                        Ahead(first, Math.Min(first + high, rows.Count), start, xBytes, isNear: true);
                        if (done + count == panels && !isLast)
                        {
                            Ahead(first - high, first, start + stripLines, xBytes, isNear: false);
                        }
                    }
                }
            }
        }

        byte* X(int row, int line) => activations + (rows.XOf(row) * _rowBytes) + (_xBytes * line);

        // What the next tile reads, or this tile's rows in the next strip, while the arithmetic goes on.
        void Ahead(int from, int to, int line, int bytes, bool isNear)
        {
            for (int row = from; row < to; row++)
            {
                byte* at = X(row, line);
                for (int i = 0; i < bytes; i += LineBytes)
                {
                    if (isNear)
                    {
                        Sse.Prefetch0(at + i);
                    }
                    else
                    {
                        Sse.Prefetch1(at + i);
                    }
                }
            }
        }
    }
}
