using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>The spans of BF16 by the matrix unit.</summary>
sealed unsafe class MatrixSpans : EmittedSpans
{
    readonly nint[] _score = new nint[2]; // whether to fetch
    readonly nint[] _scoreOne = new nint[2];
    readonly nint[] _accumulate = new nint[2];
    readonly MatrixUnit _unit;

    internal MatrixSpans(CodeLibrary library, int headDim)
        : base(library, headDim, widened: false)
    {
        _unit = new MatrixUnit(library);
        foreach (bool fetch in (bool[])[false, true])
        {
            string what = $"heads of {headDim}{(fetch ? ", fetching" : "")}";
            _score[fetch ? 1 : 0] = library.Get($"attention scores matrix × 4 groups, {what}", code => AttentionMatrixCode.Score(code, AttentionMatrixCode.MostTiles, headDim, fetch)).Entry;
            _scoreOne[fetch ? 1 : 0] = library.Get($"attention scores matrix × 1 group, {what}", code => AttentionMatrixCode.Score(code, 1, headDim, fetch)).Entry;
            _accumulate[fetch ? 1 : 0] = library.Get($"attention sums matrix, {what}", code => AttentionMatrixCode.Accumulate(code, headDim, fetch)).Entry;
        }
    }

    internal override int RowsPerStep => AttentionMatrixCode.MostRows;

    internal override void Open() => _unit.Open(AttentionMatrixCode.Sizes());

    internal override void Close() => _unit.Close();

    internal override void Score(void* queries, int rows, byte** keys, int groups, float* scores, bool fetch)
    {
        int group = 0;
        for (; group <= groups - AttentionMatrixCode.MostTiles; group += AttentionMatrixCode.MostTiles)
        {
            ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, float*, void>)_score[fetch ? 1 : 0])(queries, keys + group, scores + (group * KvLayout.GroupTokens));
        }

        for (; group < groups; group++)
        {
            ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, float*, void>)_scoreOne[fetch ? 1 : 0])(queries, keys + group, scores + (group * KvLayout.GroupTokens));
        }
    }

    internal override void Accumulate(void* weights, int rows, byte** values, int groups, float* corrections, RowStates states, bool fetch) =>
        ((delegate* unmanaged[SuppressGCTransition]<void*, byte**, long, float*, float*, long, void>)_accumulate[fetch ? 1 : 0])(weights, values, groups, corrections, states.Sums, rows);
}
