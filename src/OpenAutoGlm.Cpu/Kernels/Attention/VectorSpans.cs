using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>The spans of BF16 with vdpbf16ps, or where that is slower with multiply-adds, for which queries and weights are widened to float32.</summary>
sealed unsafe class VectorSpans : EmittedSpans
{
    readonly nint[] _score = new nint[2 * (AttentionCode.MostRows + 1)]; // by rows and whether to fetch
    readonly nint[] _scoreOne = new nint[2 * (AttentionCode.MostRows + 1)];
    readonly nint[] _accumulate = new nint[2 * (AttentionCode.MostRows + 1)];

    internal VectorSpans(CodeLibrary library, int headDim)
        : this(library, headDim, !PairRates.PairsAreFaster(library))
    {
    }

    VectorSpans(CodeLibrary library, int headDim, bool widened)
        : base(library, headDim, widened)
    {
        for (int i = 1; i <= AttentionCode.MostRows; i++)
        {
            int rows = i;
            foreach (bool fetch in (bool[])[false, true])
            {
                string what = $"heads of {headDim}{(fetch ? ", fetching" : "")}";
                _score[Index(rows, fetch)] = library.Get($"attention scores {Form} {rows} rows × 4 groups, {what}", code => AttentionCode.Score(code, rows, AttentionCode.MostVectors, headDim, widened, fetch)).Entry;
                _scoreOne[Index(rows, fetch)] = library.Get($"attention scores {Form} {rows} rows × 1 group, {what}", code => AttentionCode.Score(code, rows, 1, headDim, widened, fetch)).Entry;
                _accumulate[Index(rows, fetch)] = library.Get($"attention sums {Form} {rows} rows, {what}", code => AttentionCode.Accumulate(code, rows, headDim, widened, fetch)).Entry;
            }
        }
    }

    internal override int RowsPerStep => AttentionCode.MostRows;

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

    internal override void Accumulate(void* weights, int rows, byte** values, int groups, float* corrections, RowStates states, bool fetch) =>
        ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, long, float*, float*, void>)_accumulate[Index(rows, fetch)])(weights, values, groups, corrections, states.Sums);

    static int Index(int rows, bool fetch) => (2 * rows) + (fetch ? 1 : 0);
}
