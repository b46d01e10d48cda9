using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The spans of BF16 as machine code: how queries and weights are made ready, as BF16, two bytes an element, or widened to float32. The
/// calls are short (a microsecond or two), so they run without telling the garbage collector.
/// </summary>
abstract unsafe class EmittedSpans : LaneSpans<Lanes512, BFloat16Elements<Lanes512>>
{
    /// <summary>The second elements of eight pairs, then the first.</summary>
    static Vector512<uint> SecondThenFirst => Vector512.Create(1u, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14);

    readonly bool _isWidened;
    readonly nint[] _weigh = new nint[AttentionCode.MostRows + 1]; // by rows
    readonly nint[] _weighSpan = new nint[AttentionCode.MostRows + 1];

    private protected EmittedSpans(CodeLibrary library, int headDim, bool widened)
        : base(headDim)
    {
        _isWidened = widened;
        for (int i = 1; i <= AttentionCode.MostRows; i++)
        {
            int rows = i;
            _weigh[rows] = library.Get($"attention weights {Form} {rows} rows", code => AttentionCode.Weigh(code, rows, wholeSpan: false, widened)).Entry;
            _weighSpan[rows] = library.Get($"attention weights {Form} {rows} rows, whole span", code => AttentionCode.Weigh(code, rows, wholeSpan: true, widened)).Entry;
        }
    }

    /// <summary>What names the form of queries and weights.</summary>
    private protected string Form => _isWidened ? "BF16 widened" : "BF16";

    /// <summary>The fastest spans for heads of that width, or null: heads are whole vectors.</summary>
    internal static EmittedSpans? Of(CodeLibrary library, int headDim) =>
        library.Order == PairOrder.Tiles && library.Has(EmittedFeatures.Matrix) && headDim % AttentionMatrixCode.TileElements == 0 ? new MatrixSpans(library, headDim)
            : library.Has(EmittedFeatures.BFloat16) && headDim % KvLayout.GroupTokens == 0 ? new VectorSpans(library, headDim) : null;

    [MethodImpl(Jit.Loop)]
    internal override void PrepareQueries(float* queries, int rows, float factor, void* prepared)
    {
        Lanes512 scale = Lanes512.Broadcast(factor);
        for (int row = 0; row < rows; row++, queries += HeadDim)
        {
            byte* to = (byte*)QueryRow(prepared, row);
            for (int i = 0; i < HeadDim; i += Vector512<float>.Count)
            {
                Lanes512 rounded = Functions.RoundToBFloat16(Lanes512.Load(queries + i) * scale);
                if (_isWidened)
                {
                    Vector512<uint> apart = Avx512F.PermuteVar16x32(rounded.Bits, SecondThenFirst);
                    uint* seconds = (uint*)to + (i / 2);
                    apart.GetLower().Store(seconds);
                    apart.GetUpper().Store(seconds + (HeadDim / 2));
                }
                else
                {
                    Lanes512.StoreUpperHalves(rounded, (ushort*)to + i);
                }
            }
        }
    }

    internal override void* QueryRow(void* prepared, int row) => (byte*)prepared + ((long)row * HeadDim * (_isWidened ? sizeof(float) : sizeof(ushort)));

    internal override void Weigh(float* scores, int rows, int groups, RowStates states, float* corrections, void* weights)
    {
        nint[] weigh = groups == SpanGroups ? _weighSpan : _weigh;
        int weightRowBytes = SpanTokens * (_isWidened ? sizeof(float) : sizeof(ushort));
        for (int row = 0; row < rows; row += AttentionCode.MostRows)
        {
            RowStates some = states.From(row);
            ((delegate* unmanaged[SuppressGCTransition]<float*, long, float*, float*, float*, void*, void>)weigh[Math.Min(AttentionCode.MostRows, rows - row)])(
                scores + (row * SpanTokens), groups, some.Largest, some.Totals, corrections + row, (byte*)weights + (row * weightRowBytes));
        }
    }
}
