using System.Collections.Frozen;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The memory of a graph's states, each [blocks, …]: one contiguous piece of every state makes a block, whatever format
/// its rows have. The system gives pages only where blocks are written.
/// </summary>
sealed class StateMemory : IBlockMemory
{
    readonly List<NativeMemoryOwner> _memory = [];
    readonly Tensor[] _inOrder;

    internal StateMemory(int blockCount, IEnumerable<Value> states)
    {
        Value[] all = [.. states];
        _inOrder = [.. all.Select(state => Allocate(state, blockCount))];
        States = all.Zip(_inOrder).ToFrozenDictionary(pair => pair.First, pair => pair.Second);
        Bytes = _inOrder.Sum(state => state.Bytes);
        BlockBytes = Bytes / blockCount;
        Layout = string.Join('\n', all.Select(state => $"{state.Name} {state.Type.Format} {string.Join('×', state.Type.Shape.Dims.AsSpan()[1..].ToArray())}").Prepend("layout 1"));
    }

    /// <summary>The memory of every state.</summary>
    internal FrozenDictionary<Value, Tensor> States { get; }

    /// <summary>Bytes of all blocks.</summary>
    internal long Bytes { get; }

    public long BlockBytes { get; }

    /// <summary>The states in order, and the version of how <see cref="Graph.Ops.KvLayout"/> arranges them.</summary>
    public string Layout { get; }

    public void Copy(int from, int to)
    {
        foreach (Tensor state in _inOrder)
        {
            state.Piece(from).CopyTo(state.Piece(to));
        }
    }

    public void Read(int block, Span<byte> bytes)
    {
        foreach (Tensor state in _inOrder)
        {
            Span<byte> piece = state.Piece(block);
            piece.CopyTo(bytes);
            bytes = bytes[piece.Length..];
        }
    }

    public void Write(int block, ReadOnlySpan<byte> bytes)
    {
        foreach (Tensor state in _inOrder)
        {
            Span<byte> piece = state.Piece(block);
            bytes[..piece.Length].CopyTo(piece);
            bytes = bytes[piece.Length..];
        }
    }

    public void Dispose() => _memory.ForEach(memory => memory.Dispose());

    Tensor Allocate(Value state, int blockCount)
    {
        Shape shape = new([blockCount, .. state.Type.Shape.Dims.AsSpan()[1..]]);
        TensorType type = state.Type with { Shape = shape };
        NativeMemoryOwner memory = new(Tensor.BytesOf(type));
        _memory.Add(memory);
        return Tensor.In(memory, type);
    }
}
