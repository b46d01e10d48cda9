using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// Rows of new tokens into their places in KV memory. Two tokens never share a slot, but the first token of a group
/// clears it, so the tokens of one head are written in order by one thread.
/// </summary>
sealed unsafe class KvWriteKernel<T>(string name, WorkerPool pool, KvPart part) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
{
    int _headsPerChunk;

    public override void Execute(int chunk, int worker)
    {
        int end = Math.Min(Inputs[1][1], (chunk + 1) * _headsPerChunk);
        for (int head = chunk * _headsPerChunk; head < end; head++)
        {
            WriteHead(head);
        }
    }

    protected override int Begin()
    {
        _headsPerChunk = Math.Max(1, ChunkElements / (Inputs[1][0] * Inputs[1][2]));
        return Chunks(Inputs[1][1], _headsPerChunk);
    }

    void WriteHead(int head)
    {
        (int tokens, int kvHeads, int headDim) = (Inputs[1][0], Inputs[1][1], Inputs[1][2]);
        int* slots = (int*)Inputs[2].Data;
        for (int token = 0; token < tokens; token++)
        {
            KvRow<T>.Write(part, Outputs[0], slots[token], head, (float*)Inputs[1].Data + ((((long)token * kvHeads) + head) * headDim));
        }
    }
}

/// <summary>One head of one token into KV memory. The tokens of a group come in rising order, from one thread.</summary>
static unsafe class KvRow<T>
    where T : struct, ILanes<T>
{
    internal static void Write(KvPart part, in TensorView memory, int slot, int head, float* row)
    {
        (int blocks, int kvHeads, int blockTokens, int headDim) = (memory[0], memory[1], memory[2], memory[3]);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)slot, (ulong)blocks * (ulong)blockTokens, nameof(slot));
        TensorFormat format = memory.Format;
        long groupBytes = KvLayout.GroupBytes(format, headDim);
        long plane = ((long)(slot / blockTokens) * kvHeads) + head;
        byte* group = memory.Data + (((plane * blockTokens / KvLayout.GroupTokens) + (slot % blockTokens / KvLayout.GroupTokens)) * groupBytes);
        int place = slot % KvLayout.GroupTokens;
        if (format == TensorFormat.BF16)
        {
            if (place == 0)
            {
                new Span<byte>(group, (int)groupBytes).Clear();
            }

            WriteBFloat16(part, group, place, row, headDim);
        }
        else
        {
            KvLayout.Write(part, format, new Span<byte>(group, (int)groupBytes), place, new ReadOnlySpan<float>(row, headDim));
        }
    }

    /// <summary>
    /// Sixteen elements at a time are rounded. Pairs of a key go where they belong one by one; a value's elements have those of the neighbouring token between them, above
    /// or below them in the same 32 bits.
    /// </summary>
    [MethodImpl(Jit.Loop)]
    static void WriteBFloat16(KvPart part, byte* group, int place, float* row, int headDim)
    {
        uint* rounded = stackalloc uint[ILanes<T>.Count];
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000)), lower = T.BroadcastInt(0xFFFF);
        for (int start = 0; start < headDim; start += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, headDim - start);
            T elements = Functions.RoundToBFloat16(T.LoadFirst(row + start, count));
            if (part == KvPart.Keys)
            {
                T.Store(elements, rounded);
                uint* pairs = (uint*)group + (start / 2 * KvLayout.GroupTokens) + place;
                for (int i = 0; i < count / 2; i++)
                {
                    pairs[i * KvLayout.GroupTokens] = (rounded[2 * i] >> 16) | rounded[(2 * i) + 1];
                }
            }
            else
            {
                uint* both = (uint*)group + (place / 2 * headDim) + start;
                T others = T.LoadFirst(both, count);
                elements = place % 2 == 0 ? T.Or(T.And(others, upper), T.And(T.ShiftRightInts(elements, 16), lower)) : T.Or(T.And(others, lower), elements);
                T.StoreFirst(elements, both, count);
            }
        }
    }
}
