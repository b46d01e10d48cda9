using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>
/// Elements in memory: a constant shape, a format and the place where the bytes lie, row after row without gaps. A
/// tensor does not own its memory; it keeps whatever owns it (a mapped file, an allocation) alive.
/// </summary>
public sealed unsafe class Tensor
{
    readonly object? _owner;
    readonly NativeMemoryOwner? _partTable;

    /// <summary>A tensor over memory that somebody else owns.</summary>
    /// <param name="type">Constant shape and format.</param>
    /// <param name="data">The first byte.</param>
    /// <param name="owner">Kept alive as long as the tensor.</param>
    public Tensor(TensorType type, byte* data, object? owner)
    {
        Type = type;
        RowBytes = BlockFormat.Of(type.Format).RowBytes(type.Shape.Last.Size);
        Bytes = checked(type.Shape.ElementCount / type.Shape.Last.Size * RowBytes);
        Data = data;
        _owner = owner;
    }

    Tensor(TensorType type, ImmutableArray<Tensor> parts)
    {
        Type = type;
        RowBytes = parts[0].RowBytes;
        Bytes = parts.Sum(part => part.Bytes);
        Parts = parts;
        _partTable = new NativeMemoryOwner(parts.Length * (long)sizeof(byte*));
        for (int i = 0; i < parts.Length; i++)
        {
            ((byte**)_partTable.Pointer)[i] = parts[i].Data;
        }
    }

    /// <summary>Shape and format.</summary>
    public TensorType Type { get; }

    /// <summary>The format of the elements.</summary>
    public TensorFormat Format => Type.Format;

    /// <summary>The extents, all constant.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>The first byte; null for a stack of parts.</summary>
    public byte* Data { get; }

    /// <summary>Bytes of one row (the last extent).</summary>
    public long RowBytes { get; }

    /// <summary>Bytes of the whole.</summary>
    public long Bytes { get; }

    /// <summary>The parts of a stack, in order; empty for a tensor in one piece.</summary>
    public ImmutableArray<Tensor> Parts { get; } = [];

    /// <summary>The elements as a view that kernels read.</summary>
    public TensorView View => new(this, (byte**)(_partTable is null ? null : _partTable.Pointer));

    /// <summary>New zeroed memory.</summary>
    public static Tensor Allocate(TensorFormat format, params ReadOnlySpan<Dim> dims)
    {
        TensorType type = new(new Shape(dims), format);
        long rowBytes = BlockFormat.Of(format).RowBytes(type.Shape.Last.Size);
        NativeMemoryOwner owner = new(checked(type.Shape.ElementCount / type.Shape.Last.Size * rowBytes));
        return new Tensor(type, owner.Pointer, owner);
    }

    /// <summary>A tensor at the start of memory that the caller disposes, once nobody reads the tensor any more.</summary>
    /// <exception cref="ArgumentException">The memory is too small.</exception>
    public static Tensor In(NativeMemoryOwner memory, TensorType type)
    {
        Tensor tensor = new(type, memory.Pointer, memory);
        return tensor.Bytes <= memory.Bytes
            ? tensor
            : throw new ArgumentException($"{type} takes {tensor.Bytes} bytes, but the memory has {memory.Bytes}.", nameof(memory));
    }

    /// <summary>Bytes of a tensor of a type with constant extents.</summary>
    public static long BytesOf(TensorType type) =>
        checked(type.Shape.ElementCount / type.Shape.Last.Size * BlockFormat.Of(type.Format).RowBytes(type.Shape.Last.Size));

    /// <summary>A new float32 tensor holding a copy of the values.</summary>
    public static Tensor Of(ReadOnlySpan<float> values, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Allocate(TensorFormat.F32, dims);
        values.CopyTo(tensor.View.Floats);
        return tensor;
    }

    /// <summary>A new int32 tensor holding a copy of the values.</summary>
    public static Tensor Of(ReadOnlySpan<int> values, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Allocate(TensorFormat.I32, dims);
        values.CopyTo(tensor.View.Ints);
        return tensor;
    }

    /// <summary>
    /// Equal tensors one behind another under a new first extent, without copying: the experts of a layer that a file
    /// stores one by one.
    /// </summary>
    /// <exception cref="ArgumentException">There are no parts, or they differ in type.</exception>
    public static Tensor Stack(ImmutableArray<Tensor> parts)
    {
        if (parts.IsEmpty || parts.Any(part => part.Type != parts[0].Type || !part.Parts.IsEmpty))
        {
            throw new ArgumentException("A stack needs at least one part, and all of one type.", nameof(parts));
        }

        return new Tensor(new TensorType(new Shape([parts.Length, .. parts[0].Shape.Dims]), parts[0].Format), parts);
    }

    /// <summary>Rows <paramref name="start"/> … <paramref name="start"/> + <paramref name="count"/> − 1 of the first extent, without copying.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all there.</exception>
    public Tensor Rows(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)start + count, Shape[0].Size, nameof(count));
        if (!Parts.IsEmpty)
        {
            return Stack([.. Parts.AsSpan().Slice(start, count)]);
        }

        Shape shape = new([count, .. Shape.Dims.AsSpan()[1..]]);
        return new Tensor(new TensorType(shape, Format), Data + (Bytes / Shape[0].Size * start), this);
    }

    /// <summary>The same elements under another shape with equally long rows, or any shape of plain elements.</summary>
    /// <exception cref="ArgumentException">The element count differs.</exception>
    public Tensor Reshape(params ReadOnlySpan<Dim> dims)
    {
        Shape shape = new(dims);
        if (shape.ElementCount != Shape.ElementCount || !Parts.IsEmpty)
        {
            throw new ArgumentException($"{Type} cannot be reshaped to {shape}.", nameof(dims));
        }

        return new Tensor(new TensorType(shape, Format), Data, this);
    }

    /// <summary>
    /// Says that nobody will read the tensor soon: a mapped file gives its pages back to the system and reads them again
    /// when they are touched. Other memory stays as it is.
    /// </summary>
    public void ReleasePages()
    {
        foreach (Tensor part in Parts)
        {
            part.ReleasePages();
        }

        object? owner = _owner;
        while (owner is Tensor whole)
        {
            owner = whole._owner;
        }

        if (Data is not null && owner is IPageSource pages)
        {
            pages.ReleasePages(Data, Bytes);
        }
    }

    /// <summary>The bytes of one element of the first extent: a block of a state. Memory that may be written to.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such element.</exception>
    /// <exception cref="OverflowException">It has more than 2 GiB.</exception>
    public Span<byte> Piece(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Shape[0].Size, nameof(index));
        long bytes = Bytes / Shape[0].Size;
        return new Span<byte>(Data + (bytes * index), checked((int)bytes));
    }

    /// <summary>Sets every byte of memory that may be written to.</summary>
    public void Fill(byte value)
    {
        const int Piece = 1 << 30;
        for (long at = 0; at < Bytes; at += Piece)
        {
            new Span<byte>(Data + at, (int)Math.Min(Piece, Bytes - at)).Fill(value);
        }
    }

    /// <summary>All elements as float32, dequantised.</summary>
    public float[] ToFloats()
    {
        float[] values = new float[Shape.ElementCount];
        int rowLength = Shape.Last.Size;
        for (int row = 0; row < values.Length / rowLength; row++)
        {
            View.ReadRow(row, values.AsSpan(row * rowLength, rowLength));
        }

        GC.KeepAlive(this);
        return values;
    }

    /// <inheritdoc/>
    public override string ToString() => Type.ToString();
}
