using OpenAutoGlm.Cpu.Kernels.MatMul;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// Rows on their way from the product that makes them to the one that alone reads them, made ready for the latter by the former: from the one's run to the other's the memory is theirs.
/// </summary>
sealed unsafe class HandedRows : IDisposable
{
    readonly Scratch _memory;

    internal HandedRows(Activations activations, Scratch memory, int mostRows)
    {
        (Activations, _memory) = (activations, memory);
        memory.Require(activations.Bytes(mostRows));
    }

    /// <summary>How they are made ready.</summary>
    internal Activations Activations { get; }

    /// <summary>The first row.</summary>
    internal byte* Pointer => _memory.Pointer;

    /// <summary>Where a row begins.</summary>
    internal byte* Row(int row) => _memory.Pointer + (row * Activations.RowBytes);

    /// <summary>Gives the memory back; others that used it in turn may do so as well.</summary>
    public void Dispose() => _memory.Dispose();
}
