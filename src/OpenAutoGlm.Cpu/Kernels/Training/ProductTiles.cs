using System.Diagnostics;
using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// C = A · B, or C += A · B, over lines of k: 32 bits each, whose form <see cref="LineForm"/> tells.
/// A[row] at line l lies at A + row · ARow + l · ALine, broadcast; sixteen columns of B at B + panel · BPanel + l · BLine; C[row] at
/// C + row · CRow, its panels 64 bytes apart. All strides in bytes.
/// </summary>
unsafe struct TileArguments
{
    internal const int AAt = 0;
    internal const int ARowAt = 8;
    internal const int ALineAt = 16;
    internal const int BAt = 24;
    internal const int BLineAt = 32;
    internal const int BPanelAt = 40;
    internal const int LinesAt = 48;
    internal const int CAt = 56;
    internal const int CRowAt = 64;
    internal const int AddsAt = 72;

    internal byte* A;
    internal long ARow;
    internal long ALine;
    internal byte* B;
    internal long BLine;
    internal long BPanel;

    /// <summary>At least one.</summary>
    internal long Lines;
    internal byte* C;
    internal long CRow;

    /// <summary>0 where sums begin, else what is at C is added to.</summary>
    internal long Adds;
}

/// <summary>
/// The inner products of training. The one order: each result is one accumulator, to which lines are added in rising k: in float32
/// with one fused multiply-add; in bfloat16 the odd product, then the even one, each with one. So no tile, thread count or instruction
/// set changes a bit (bfloat16 denormals apart, which vdpbf16ps takes for 0).
/// </summary>
sealed unsafe class ProductTiles<T>
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int PanelBytes = 64;

    readonly delegate* unmanaged<TileArguments*, void>[]? _tiles; // by rows · (MostPanels + 1) + panels

    /// <summary>The fastest tiles for an arithmetic on this machine.</summary>
    internal ProductTiles(CodeLibrary library, TrainingArithmetic arithmetic)
        : this(library, arithmetic == TrainingArithmetic.Float32 ? LineForm.Floats : PairRates.PairsAreFaster(library) ? LineForm.Pairs : LineForm.Rounded)
    {
    }

    /// <summary>Tiles for a form of lines; pairs need vdpbf16ps.</summary>
    internal ProductTiles(CodeLibrary library, LineForm form)
    {
        Form = form;
        EmittedFeatures feature = form == LineForm.Pairs ? EmittedFeatures.BFloat16 : EmittedFeatures.Vnni;
        if (!library.Has(feature))
        {
            Debug.Assert(form != LineForm.Pairs, "Pairs are multiplied by emitted code only.");
            return;
        }

        _tiles = new delegate* unmanaged<TileArguments*, void>[(ProductTileCode.MostRows + 1) * (ProductTileCode.MostPanels + 1)];
        for (int panels = 1; panels <= ProductTileCode.MostPanels; panels++)
        {
            for (int rows = 1; rows <= ProductTileCode.RowsFor(panels); rows++)
            {
                _tiles[(rows * (ProductTileCode.MostPanels + 1)) + panels] =
                    (delegate* unmanaged<TileArguments*, void>)ProductTileCode.Get(library, form == LineForm.Pairs, rows, panels).Entry;
            }
        }
    }

    /// <summary>The lines that are multiplied.</summary>
    internal LineForm Form { get; }

    /// <summary>"vdpbf16ps" or what else does it.</summary>
    internal string Name => (Form, _tiles is null) switch
    {
        (LineForm.Pairs, _) => "vdpbf16ps",
        (LineForm.Rounded, false) => "vfmadd on BF16",
        (LineForm.Rounded, true) => "BF16",
        (_, false) => "vfmadd",
        _ => "float",
    };

    /// <summary>Any number of rows and panels; of C whole panels are written.</summary>
    internal void Run(in TileArguments whole, int rows, int panels, int panelsPerTile = 3)
    {
        TileArguments part = whole;
        for (int panel = 0; panel < panels;)
        {
            int width = Math.Min(panelsPerTile, panels - panel);
            int most = ProductTileCode.RowsFor(width);
            part.B = whole.B + (panel * whole.BPanel);
            for (int row = 0; row < rows;)
            {
                int height = Math.Min(most, rows - row);
                part.A = whole.A + (row * whole.ARow);
                part.C = whole.C + (row * whole.CRow) + (panel * PanelBytes);
                if (_tiles is null)
                {
                    Portable(&part, height, width);
                }
                else
                {
                    _tiles[(height * (ProductTileCode.MostPanels + 1)) + width](&part);
                }

                row += height;
            }

            panel += width;
        }
    }

    void Portable(TileArguments* t, int rows, int panels)
    {
        for (int panel = 0; panel < panels; panel++)
        {
            int row = 0;
            for (; row <= rows - 4; row += 4)
            {
                Four(t, row, panel);
            }

            for (; row < rows; row++)
            {
                One(t, row, panel);
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    static void Four(TileArguments* t, int row, int panel)
    {
        byte* b = t->B + (panel * t->BPanel);
        byte* a0 = t->A + (row * t->ARow);
        byte* a1 = a0 + t->ARow;
        byte* a2 = a1 + t->ARow;
        byte* a3 = a2 + t->ARow;
        float* c = (float*)(t->C + (row * t->CRow)) + (panel * Lanes);
        (long lines, long aLine, long bLine, long cRow) = (t->Lines, t->ALine, t->BLine, t->CRow / sizeof(float));
        T sum0 = t->Adds == 0 ? T.Zero : T.Load(c);
        T sum1 = t->Adds == 0 ? T.Zero : T.Load(c + cRow);
        T sum2 = t->Adds == 0 ? T.Zero : T.Load(c + (2 * cRow));
        T sum3 = t->Adds == 0 ? T.Zero : T.Load(c + (3 * cRow));
        for (long line = 0; line < lines; line++)
        {
            T columns = T.Load(b);
            sum0 = T.MultiplyAdd(columns, T.Broadcast(*(float*)a0), sum0);
            sum1 = T.MultiplyAdd(columns, T.Broadcast(*(float*)a1), sum1);
            sum2 = T.MultiplyAdd(columns, T.Broadcast(*(float*)a2), sum2);
            sum3 = T.MultiplyAdd(columns, T.Broadcast(*(float*)a3), sum3);
            b += bLine;
            a0 += aLine;
            a1 += aLine;
            a2 += aLine;
            a3 += aLine;
        }

        T.Store(sum0, c);
        T.Store(sum1, c + cRow);
        T.Store(sum2, c + (2 * cRow));
        T.Store(sum3, c + (3 * cRow));
    }

    [MethodImpl(Jit.Loop)]
    static void One(TileArguments* t, int row, int panel)
    {
        byte* b = t->B + (panel * t->BPanel);
        byte* a = t->A + (row * t->ARow);
        float* c = (float*)(t->C + (row * t->CRow)) + (panel * Lanes);
        T sum = t->Adds == 0 ? T.Zero : T.Load(c);
        for (long line = 0; line < t->Lines; line++)
        {
            sum = T.MultiplyAdd(T.Load(b), T.Broadcast(*(float*)a), sum);
            b += t->BLine;
            a += t->ALine;
        }

        T.Store(sum, c);
    }
}
