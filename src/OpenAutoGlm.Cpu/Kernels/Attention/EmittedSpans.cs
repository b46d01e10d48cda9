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
    static readonly Vector512<int> SecondThenFirst = Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14);

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

    internal override void PrepareQueries(float* queries, int rows, float factor, void* prepared)
    {
        Vector512<float> scale = Vector512.Create(factor);
        uint* rounded = stackalloc uint[Vector512<float>.Count];
        for (int i = 0; i < rows * HeadDim; i += Vector512<float>.Count)
        {
            (Vector512.Load(queries + i) * scale).Store((float*)rounded);
            Lanes512.Store(Functions.RoundToBFloat16(Lanes512.Load(rounded)), rounded);
            if (_isWidened)
            {
                Vector512<int> apart = Avx512F.PermuteVar16x32(Vector512.Load((int*)rounded), SecondThenFirst);
                int* seconds = (int*)QueryRow(prepared, i / HeadDim) + (i % HeadDim / 2);
                apart.GetLower().Store(seconds);
                apart.GetUpper().Store(seconds + (HeadDim / 2));
            }
            else
            {
                Avx512F.ConvertToVector256UInt16(Vector512.ShiftRightLogical(Vector512.Load(rounded), 16)).Store((ushort*)prepared + i);
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
