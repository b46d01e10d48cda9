using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Rows of heads in memory: the row of a token and a head lies at Data + token · TokenBytes + head · HeadBytes.</summary>
readonly unsafe struct HeadRows(byte* data, long tokenBytes, long headBytes)
{
    internal long TokenBytes => tokenBytes;

    /// <summary>The rows as a tensor [tokens, heads, headDim] has them.</summary>
    internal static HeadRows Of(TensorView view) => new(view.Data, (long)view[1] * view[2] * sizeof(float), (long)view[2] * sizeof(float));

    internal byte* At(int token, int head) => data + (token * tokenBytes) + (head * headBytes);
}

/// <summary>Copies rows that are no whole number of lanes, so that each ends in zeros up to one.</summary>
sealed unsafe class PadJob(int paddedDim) : IParallelJob
{
    const int TokensPerChunk = 64;

    TensorView _from;
    byte* _to;

    internal HeadRows Run(WorkerPool pool, TensorView from, byte* to)
    {
        _from = from;
        _to = to;
        pool.Run(this, (from[0] + TokensPerChunk - 1) / TokensPerChunk);
        return new HeadRows(to, (long)from[1] * paddedDim * sizeof(float), (long)paddedDim * sizeof(float));
    }

    public void Execute(int chunk, int worker)
    {
        int heads = _from[1];
        int end = Math.Min(_from[0], (chunk + 1) * TokensPerChunk) * heads;
        for (int row = chunk * TokensPerChunk * heads; row < end; row++)
        {
            Span<float> padded = new(_to + ((long)row * paddedDim * sizeof(float)), paddedDim);
            _from.Row(row).CopyTo(padded);
            padded[_from.RowLength..].Clear();
        }
    }
}
