using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Lays a weight out in panels, in chunks.</summary>
sealed unsafe class WeightPacking<T>(LineForm form) : IParallelJob
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int LineBytes = 64;
    const int PackRows = 64;

    TensorView _matrix;
    int _lines;
    bool _across;
    byte* _to;
    byte* _workers;
    long _workerBytes;

    /// <summary>Memory of a thread: sixteen rows in float32 and sixteen as lines.</summary>
    internal static long WorkerBytes(int rowLength) => 2 * Lanes * RowBytes(rowLength);

    /// <summary>Panels whose columns are the matrix's columns (across) or its rows.</summary>
    internal void Run(WorkerPool pool, TensorView matrix, int lines, bool across, byte* to, byte* workers, long workerBytes)
    {
        (_matrix, _lines, _across, _workerBytes) = (matrix, lines, across, workerBytes);
        _to = to;
        _workers = workers;
        int rows = across ? PackRows : Lanes;
        pool.Run(this, (matrix.RowCount + rows - 1) / rows);
    }

    public void Execute(int chunk, int worker)
    {
        byte* memory = _workers + (worker * _workerBytes);
        if (_across)
        {
            Across(chunk * PackRows, memory);
        }
        else
        {
            Along(chunk, memory);
        }
    }

    /// <summary>Room for the lines behind a row's last that <see cref="Packing{T}.Row"/> may write.</summary>
    static long RowBytes(int rowLength) => Scratch.Lines((rowLength + Lanes) * (long)sizeof(float));

    void Along(int panel, byte* memory)
    {
        int rows = Math.Min(Lanes, _matrix.RowCount - (panel * Lanes));
        byte* from = Read(panel * Lanes, rows, memory, out long rowBytes);
        if (form != LineForm.Floats)
        {
            byte* lines = memory + (Lanes * RowBytes(_matrix.RowLength));
            for (int row = 0; row < rows; row++)
            {
                Packing<T>.Row((float*)(from + (row * rowBytes)), _matrix.RowLength, form, lines + (row * RowBytes(_matrix.RowLength)));
            }

            from = lines;
            rowBytes = RowBytes(_matrix.RowLength);
        }

        Packing<T>.Transpose(from, rowBytes, rows, _lines, (int*)(_to + (panel * Packing<T>.PanelBytes(_lines))));
    }

    void Across(int start, byte* memory)
    {
        int end = Math.Min(_matrix.RowCount, start + PackRows);
        for (int row = start; row < end; row += Lanes)
        {
            int rows = Math.Min(Lanes, end - row);
            byte* from = Read(row, rows, memory, out long rowBytes);
            byte* to = _to + ((long)(form == LineForm.Pairs ? row / 2 : row) * LineBytes);
            Packing<T>.Across(from, rowBytes, rows, _matrix.RowLength, form, to, Packing<T>.PanelBytes(_lines));
        }
    }

    /// <summary>Up to sixteen rows in float32.</summary>
    byte* Read(int start, int rows, byte* memory, out long rowBytes)
    {
        if (_matrix.Format == TensorFormat.F32)
        {
            rowBytes = _matrix.RowLength * (long)sizeof(float);
            return _matrix.Data + (start * rowBytes);
        }

        rowBytes = RowBytes(_matrix.RowLength);
        for (int row = 0; row < rows; row++)
        {
            _matrix.ReadRow(start + row, new Span<float>(memory + (row * rowBytes), _matrix.RowLength));
        }

        return memory;
    }
}
