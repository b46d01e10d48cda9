using System.Diagnostics;
using System.Runtime.CompilerServices;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>
/// What a kernel sees of a tensor: a pointer, a format and extents that are all numbers by now. A view owns nothing
/// and is valid only while the tensor or execution that made it is.
/// </summary>
public readonly unsafe struct TensorView
{
    readonly byte** _parts;
    readonly Extents _extents;

    /// <summary>A view of memory.</summary>
    public TensorView(TensorFormat format, byte* data, ReadOnlySpan<int> extents)
        : this(format, data, null, extents)
    {
    }

    internal TensorView(Tensor tensor, byte** parts)
    {
        Format = tensor.Format;
        Data = tensor.Data;
        _parts = parts;
        Rank = tensor.Shape.Rank;
        for (int i = 0; i < Rank; i++)
        {
            _extents[i] = tensor.Shape[i].Size;
        }
    }

    TensorView(TensorFormat format, byte* data, byte** parts, ReadOnlySpan<int> extents)
    {
        Debug.Assert(extents.Length is > 0 and <= Shape.MaxRank);
        Format = format;
        Data = data;
        _parts = parts;
        Rank = extents.Length;
        extents.CopyTo(_extents);
    }

    /// <summary>The format of the elements.</summary>
    public TensorFormat Format { get; }

    /// <summary>The first byte; null for a stack of parts.</summary>
    public byte* Data { get; }

    /// <summary>How many extents.</summary>
    public int Rank { get; }

    /// <summary>One extent.</summary>
    public int this[int index] => _extents[index];

    /// <summary>The last extent.</summary>
    public int RowLength => _extents[Rank - 1];

    /// <summary>The product of all extents but the last.</summary>
    public int RowCount
    {
        get
        {
            int rows = 1;
            for (int i = 0; i < Rank - 1; i++)
            {
                rows *= _extents[i];
            }

            return rows;
        }
    }

    /// <summary>Bytes of one row.</summary>
    public long RowBytes => BlockFormat.Of(Format).RowBytes(RowLength);

    /// <summary>All elements of a float32 view.</summary>
    public Span<float> Floats
    {
        get
        {
            Debug.Assert(Format == TensorFormat.F32 && _parts is null);
            return new Span<float>(Data, checked(RowCount * RowLength));
        }
    }

    /// <summary>All elements of an int32 view.</summary>
    public Span<int> Ints
    {
        get
        {
            Debug.Assert(Format == TensorFormat.I32 && _parts is null);
            return new Span<int>(Data, checked(RowCount * RowLength));
        }
    }

    /// <summary>One row of a float32 view.</summary>
    public Span<float> Row(int row)
    {
        Debug.Assert(Format == TensorFormat.F32 && _parts is null && (uint)row < (uint)RowCount);
        return new Span<float>((float*)Data + ((long)row * RowLength), RowLength);
    }

    /// <summary>One row of any format as float32; rows of a stack count through its parts.</summary>
    public void ReadRow(int row, Span<float> values)
    {
        Debug.Assert((uint)row < (uint)RowCount && values.Length == RowLength);
        if (_parts is not null)
        {
            int rowsPerPart = RowCount / _extents[0];
            Part(row / rowsPerPart).ReadRow(row % rowsPerPart, values);
            return;
        }

        BlockFormat format = BlockFormat.Of(Format);
        long rowBytes = format.RowBytes(RowLength);
        format.Dequantize(new ReadOnlySpan<byte>(Data + (row * rowBytes), checked((int)rowBytes)), values);
    }

    /// <summary>One element of the first extent: an expert of a stack, a matrix of a cube.</summary>
    public TensorView Part(int index)
    {
        Debug.Assert(Rank > 1 && (uint)index < (uint)_extents[0]);
        ReadOnlySpan<int> extents = ((ReadOnlySpan<int>)_extents)[1..Rank];
        if (_parts is not null)
        {
            return new TensorView(Format, _parts[index], extents);
        }

        long partBytes = RowCount / _extents[0] * RowBytes;
        return new TensorView(Format, Data + (index * partBytes), extents);
    }

    [InlineArray(Shape.MaxRank)]
    struct Extents
    {
        int _first;
    }
}
