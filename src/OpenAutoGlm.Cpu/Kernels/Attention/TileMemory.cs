using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>The memory with which a thread computes a tile, so small that it stays in the second cache.</summary>
sealed unsafe class TileMemory(int rows, int rowsPerStep, int headDim, int unpackedGroupBytes)
{
    readonly long _queryBytes = Scratch.Lines((long)rows * headDim * sizeof(float));
    readonly long _stateBytes = Scratch.Lines((long)RowStates.Floats(rows, headDim) * sizeof(float));
    readonly long _scoreBytes = (long)rowsPerStep * SpanKernels.SpanTokens * sizeof(float);
    readonly long _correctionBytes = Scratch.Lines(rowsPerStep * sizeof(float));
    readonly long _pointerBytes = Scratch.Lines(2 * SpanKernels.SpanGroups * sizeof(byte*));
    readonly long _unpackedBytes = Scratch.Lines((long)SpanKernels.SpanGroups * unpackedGroupBytes);

    /// <summary>Bytes for one thread.</summary>
    internal long Bytes => _queryBytes + (2 * _stateBytes) + (2 * _scoreBytes) + _correctionBytes + (2 * _pointerBytes) + (2 * _unpackedBytes);

    /// <summary>The parts of a piece of memory of <see cref="Bytes"/> bytes.</summary>
    internal Pointers At(byte* memory)
    {
        Pointers pointers = default;
        pointers.Queries = Take(_queryBytes);
        pointers.Whole = RowStates.In((float*)Take(_stateBytes), rows, headDim);
        pointers.Part = RowStates.In((float*)Take(_stateBytes), rows, headDim);
        pointers.Scores = (float*)Take(_scoreBytes);
        pointers.Weights = Take(_scoreBytes);
        pointers.Corrections = (float*)Take(_correctionBytes);
        pointers.Keys = (byte**)Take(_pointerBytes);
        pointers.Values = (byte**)Take(_pointerBytes);
        pointers.UnpackedKeys = Take(_unpackedBytes);
        pointers.UnpackedValues = Take(_unpackedBytes);
        return pointers;

        byte* Take(long bytes)
        {
            byte* part = memory;
            memory += bytes;
            return part;
        }
    }

    /// <summary>Where everything lies.</summary>
    internal struct Pointers
    {
        /// <summary>Prepared queries, [rows, headDim].</summary>
        internal void* Queries;

        /// <summary>All partitions so far.</summary>
        internal RowStates Whole;

        /// <summary>The partition that is being walked.</summary>
        internal RowStates Part;

        /// <summary>[rows of a step, tokens of a span].</summary>
        internal float* Scores;

        /// <summary>[rows of a step, tokens of a span].</summary>
        internal void* Weights;

        /// <summary>[rows of a step].</summary>
        internal float* Corrections;

        /// <summary>The addresses of the groups of a span, and behind them where those of the next span are stored.</summary>
        internal byte** Keys;

        /// <inheritdoc cref="Keys"/>
        internal byte** Values;

        /// <summary>The groups themselves, where they had to be unpacked.</summary>
        internal byte* UnpackedKeys;

        /// <inheritdoc cref="UnpackedKeys"/>
        internal byte* UnpackedValues;
    }
}
