namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Bytes that grow at the end and can be taken back.</summary>
sealed class ByteBuffer
{
    byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public Span<byte> Written => _bytes.AsSpan(0, Length);

    public void Append(byte value)
    {
        Reserve(1);
        _bytes[Length++] = value;
    }

    public void Append(ReadOnlySpan<byte> values)
    {
        Reserve(values.Length);
        values.CopyTo(_bytes.AsSpan(Length));
        Length += values.Length;
    }

    /// <summary>Keeps the first <paramref name="length"/> bytes.</summary>
    public void Truncate(int length) => Length = length;

    void Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(ref _bytes, Math.Max(checked(Length + count), (int)Math.Min(_bytes.Length * 2L, Array.MaxLength)));
        }
    }
}
