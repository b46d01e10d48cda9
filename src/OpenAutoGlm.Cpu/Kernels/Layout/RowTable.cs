using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Layout;

/// <summary>
/// A table whose rows are picked by index, an embedding mostly. Where the plan multiplies with the same table, rows are read from the panels of that product, so that the
/// model's file is not read as well and its pages do not fill memory beside them.
/// </summary>
/// <param name="panels">The packed table; null where it lies as the file has it.</param>
sealed unsafe class RowTable<T>(WeightPanels? panels)
    where T : struct, ILanes<T>
{
    /// <summary>The row as float32: where it lies, or in <paramref name="scratch"/>, which has room for it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The table has no such row.</exception>
    internal float* Row(in TensorView table, int row, float* scratch)
    {
        if (panels is null && table.Format == TensorFormat.F32)
        {
            Check(table, row);
            return (float*)table.Data + ((long)row * table.RowLength);
        }

        Read(table, row, new Span<float>(scratch, table.RowLength));
        return scratch;
    }

    /// <summary>Copies the row, as float32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The table has no such row.</exception>
    internal void Read(in TensorView table, int row, Span<float> values)
    {
        Check(table, row);
        if (panels is null)
        {
            table.ReadRow(row, values);
        }
        else
        {
            panels.ReadRow<T>(row, values);
        }
    }

    static void Check(in TensorView table, int row) => ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)table.RowCount, nameof(row));
}
