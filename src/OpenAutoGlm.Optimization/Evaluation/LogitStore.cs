using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// Rows of logits that are written once and read often: in memory up to a budget, the others in a temporary file that is gone
/// when the store is, however the program ends. Not thread-safe.
/// </summary>
sealed class LogitStore(int vocab, long memoryBytes, string? folder = null) : IDisposable
{
    readonly List<float[]> _rows = [];
    readonly float[] _read = new float[vocab];
    SafeFileHandle? _file;
    long _spilled;

    /// <summary>Rows in the file.</summary>
    internal long Spilled => _spilled;

    long RowBytes => (long)vocab * sizeof(float);

    /// <summary>Adds a row.</summary>
    /// <exception cref="EvaluationException">The disk is full.</exception>
    internal void Add(ReadOnlySpan<float> row)
    {
        if (_spilled == 0 && (_rows.Count + 1) * RowBytes <= memoryBytes)
        {
            _rows.Add(row.ToArray());
            return;
        }

        _file ??= OpenFile();
        try
        {
            RandomAccess.Write(_file, MemoryMarshal.AsBytes(row), _spilled * RowBytes);
        }
        catch (IOException error)
        {
            throw new EvaluationException(
                $"The original's logits do not fit: {error.Message} after {(_spilled * RowBytes) >> 20} MiB in {Folder}. Use fewer windows, free space there, or let TMPDIR name another folder.", error);
        }

        _spilled++;
    }

    /// <summary>A row; valid until the next is read.</summary>
    internal ReadOnlySpan<float> Read(int index)
    {
        if (index < _rows.Count)
        {
            return _rows[index];
        }

        Span<byte> bytes = MemoryMarshal.AsBytes(_read.AsSpan());
        long at = (index - _rows.Count) * RowBytes;
        while (!bytes.IsEmpty)
        {
            int count = RandomAccess.Read(_file!, bytes, at);
            bytes = count > 0 ? bytes[count..] : throw new EndOfStreamException($"The temporary file of logits in {Folder} was cut.");
            at += count;
        }

        return _read;
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    string Folder => folder ?? Path.GetTempPath();

    SafeFileHandle OpenFile()
    {
        string path = Path.Combine(Folder, $"autoglm-logits-{Guid.NewGuid():n}");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, FileOptions.DeleteOnClose);
        if (!OperatingSystem.IsWindows())
        {
            // A file without a name lives as long as its handle, even if the program is killed.
            File.Delete(path);
        }

        return file;
    }
}
