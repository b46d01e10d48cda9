using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The spans of BF16 with vdpbf16ps, for which queries and weights are kept as BF16, two bytes an element; or with multiply-adds, for
/// which they are widened to float32. The calls are short (a microsecond or two), so they run without telling the garbage collector.
/// </summary>
sealed unsafe class EmittedSpans : LaneSpans<Lanes512, BFloat16Elements<Lanes512>>
{
    /// <summary>The second elements of eight pairs, then the first.</summary>
    static readonly Vector512<int> SecondThenFirst = Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14);

    readonly bool _isWidened;
    readonly nint[] _score = new nint[2 * (AttentionCode.MostRows + 1)]; // by rows and whether to fetch, as all that read KV memory
    readonly nint[] _scoreOne = new nint[2 * (AttentionCode.MostRows + 1)];
    readonly nint[] _accumulate = new nint[2 * (AttentionCode.MostRows + 1)];
    readonly nint[] _weigh = new nint[AttentionCode.MostRows + 1];
    readonly nint[] _weighSpan = new nint[AttentionCode.MostRows + 1];

    internal EmittedSpans(CodeLibrary library, int headDim)
        : base(headDim)
    {
        bool widened = _isWidened = !PairRates.PairsAreFaster(library);
        string form = widened ? "BF16 widened" : "BF16";
        for (int i = 1; i <= AttentionCode.MostRows; i++)
        {
            int rows = i;
            _weigh[rows] = library.Get($"attention weights {form} {rows} rows", code => AttentionCode.Weigh(code, rows, wholeSpan: false, widened)).Entry;
            _weighSpan[rows] = library.Get($"attention weights {form} {rows} rows, whole span", code => AttentionCode.Weigh(code, rows, wholeSpan: true, widened)).Entry;
            foreach (bool fetch in (bool[])[false, true])
            {
                string what = $"heads of {headDim}{(fetch ? ", fetching" : "")}";
                _score[Index(rows, fetch)] = library.Get($"attention scores {form} {rows} rows × 4 groups, {what}", code => AttentionCode.Score(code, rows, AttentionCode.MostVectors, headDim, widened, fetch)).Entry;
                _scoreOne[Index(rows, fetch)] = library.Get($"attention scores {form} {rows} rows × 1 group, {what}", code => AttentionCode.Score(code, rows, 1, headDim, widened, fetch)).Entry;
                _accumulate[Index(rows, fetch)] = library.Get($"attention sums {form} {rows} rows, {what}", code => AttentionCode.Accumulate(code, rows, headDim, widened, fetch)).Entry;
            }
        }
    }

    internal override int RowsPerStep => AttentionCode.MostRows;

    /// <summary>Whether the code serves heads of that width: whole vectors.</summary>
    internal static bool Serves(CodeLibrary library, int headDim) => library.Has(EmittedFeatures.BFloat16) && headDim % KvLayout.GroupTokens == 0;

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

    internal override void Score(void* queries, int rows, byte** keys, int groups, float* scores, bool fetch)
    {
        int group = 0;
        for (; group <= groups - AttentionCode.MostVectors; group += AttentionCode.MostVectors)
        {
            ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, float*, void>)_score[Index(rows, fetch)])(queries, keys + group, scores + (group * KvLayout.GroupTokens));
        }

        for (; group < groups; group++)
        {
            ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, float*, void>)_scoreOne[Index(rows, fetch)])(queries, keys + group, scores + (group * KvLayout.GroupTokens));
        }
    }

    internal override void Weigh(float* scores, int rows, int groups, RowStates states, float* corrections, void* weights) =>
        ((delegate* unmanaged[SuppressGCTransition]<float*, long, float*, float*, float*, void*, void>)(groups == SpanGroups ? _weighSpan : _weigh)[rows])(scores, groups, states.Largest, states.Totals, corrections, weights);

    internal override void Accumulate(void* weights, int rows, byte** values, int groups, float* corrections, RowStates states, bool fetch) =>
        ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, long, float*, float*, void>)_accumulate[Index(rows, fetch)])(weights, values, groups, corrections, states.Sums);

    static int Index(int rows, bool fetch) => (2 * rows) + (fetch ? 1 : 0);
}
