using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

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
        (int blocks, int blockTokens) = (Outputs[0][0], Outputs[0][2]);
        TensorFormat format = Outputs[0].Format;
        long groupBytes = KvLayout.GroupBytes(format, headDim);
        int* slots = (int*)Inputs[2].Data;
        for (int token = 0; token < tokens; token++)
        {
            int slot = slots[token];
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)slot, (ulong)blocks * (ulong)blockTokens, nameof(slot));
            long plane = ((long)(slot / blockTokens) * kvHeads) + head;
            byte* group = Outputs[0].Data + (((plane * blockTokens / KvLayout.GroupTokens) + (slot % blockTokens / KvLayout.GroupTokens)) * groupBytes);
            float* row = (float*)Inputs[1].Data + ((((long)token * kvHeads) + head) * headDim);
            int place = slot % KvLayout.GroupTokens;
            if (format == TensorFormat.BF16)
            {
                if (place == 0)
                {
                    new Span<byte>(group, (int)groupBytes).Clear();
                }

                WriteBFloat16(group, place, row, headDim);
            }
            else
            {
                KvLayout.Write(part, format, new Span<byte>(group, (int)groupBytes), place, new ReadOnlySpan<float>(row, headDim));
            }
        }
    }

    /// <summary>Sixteen elements at a time are rounded, then put where they belong one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void WriteBFloat16(byte* group, int place, float* row, int headDim)
    {
        uint* rounded = stackalloc uint[ILanes<T>.Count];
        for (int start = 0; start < headDim; start += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, headDim - start);
            T.Store(Functions.RoundToBFloat16(T.LoadFirst(row + start, count)), rounded);
            if (part == KvPart.Keys)
            {
                uint* pairs = (uint*)group + (start / 2 * KvLayout.GroupTokens) + place;
                for (int i = 0; i < count / 2; i++)
                {
                    pairs[i * KvLayout.GroupTokens] = (rounded[2 * i] >> 16) | rounded[(2 * i) + 1];
                }
            }
            else
            {
                ushort* elements = (ushort*)group + (((place / 2 * headDim) + start) * 2) + (place % 2);
                for (int i = 0; i < count; i++)
                {
                    elements[2 * i] = (ushort)(rounded[i] >> 16);
                }
            }
        }
    }
}
