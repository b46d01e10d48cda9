using System.Buffers.Binary;
using System.Text;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Search;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// A binary file that is there whole or not at all: a mark that names kind and version, the content, and a checksum over both,
/// which on reading is verified before anything is believed.
/// </summary>
static class SummedFile
{
    const int PieceBytes = 1 << 20;

    /// <summary>Writes the file in place of an older one.</summary>
    internal static void Write(string path, string mark, Action<BinaryWriter> write) => WholeFile.Write(path, file =>
    {
        SummingStream summing = new(file);
        using (BinaryWriter writer = new(summing, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(mark);
            write(writer);
        }

        Span<byte> sum = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(sum, summing.Finish());
        file.Write(sum);
    });

    /// <summary>Reads a file that <see cref="Write"/> has written.</summary>
    /// <exception cref="EvaluationException">It is of another kind or version, cut or damaged.</exception>
    internal static T Read<T>(string path, string mark, Func<BinaryReader, T> read)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        Verify(file);
        file.Position = 0;
        using BinaryReader reader = new(new BufferedStream(file, PieceBytes), Encoding.UTF8);
        try
        {
            string found = reader.ReadString();
            return found == mark ? read(reader) : throw new EvaluationException($"{path} is marked '{found}', and '{mark}' belongs here: delete it, or name another file.");
        }
        catch (Exception error) when (error is EndOfStreamException or InvalidDataException or ArgumentException or OverflowException)
        {
            throw Damaged(path, error);
        }
    }

    static void Verify(FileStream file)
    {
        byte[] piece = new byte[PieceBytes];
        ulong sum = 0;
        long left = file.Length - sizeof(ulong);
        if (left < 0)
        {
            throw Damaged(file.Name, null);
        }

        for (; left > 0; left -= Math.Min(left, PieceBytes))
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min(left, PieceBytes));
            file.ReadExactly(part);
            sum = ContentSum.Of(part, sum);
        }

        Span<byte> stored = stackalloc byte[sizeof(ulong)];
        file.ReadExactly(stored);
        if (BinaryPrimitives.ReadUInt64LittleEndian(stored) != sum)
        {
            throw Damaged(file.Name, null);
        }
    }

    static EvaluationException Damaged(string path, Exception? inner) => new($"{path} is cut or damaged: delete it, and what it held is computed anew.", inner);

    /// <summary>Passes bytes on and sums them in pieces of a fixed size.</summary>
    sealed class SummingStream(Stream target) : Stream
    {
        readonly byte[] _piece = new byte[PieceBytes];
        int _filled;
        ulong _sum;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            while (!buffer.IsEmpty)
            {
                int count = Math.Min(buffer.Length, PieceBytes - _filled);
                buffer[..count].CopyTo(_piece.AsSpan(_filled));
                buffer = buffer[count..];
                _filled += count;
                if (_filled == PieceBytes)
                {
                    Pass();
                }
            }
        }

        public override void Flush()
        {
            // Pieces are passed on when they are full, and the last by Finish.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        internal ulong Finish()
        {
            if (_filled > 0)
            {
                Pass();
            }

            return _sum;
        }

        void Pass()
        {
            _sum = ContentSum.Of(_piece.AsSpan(0, _filled), _sum);
            target.Write(_piece, 0, _filled);
            _filled = 0;
        }
    }
}
