using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// A thread's workplace for one strip of a panel: 16 weight rows × at most 512 elements, small enough to stay in the
/// first cache. A layout puts pointers, scales and minimums here; lane r belongs to weight row r.
/// </summary>
readonly unsafe struct PanelStrip(byte* memory)
{
    /// <summary>Elements of each row in a strip: a multiple of every block length.</summary>
    internal const int Elements = 512;

    const int MostGroups = Elements / 16;
    const int LaneBytes = 64;
    const int RowsAt = 0;
    const int ScalesAt = RowsAt + (PanelProduct.PanelRows * 8);
    const int MinimumsAt = ScalesAt + (MostGroups * LaneBytes);
    const int HalvesAt = MinimumsAt + (MostGroups * LaneBytes);
    const int StagedAt = HalvesAt + (MostGroups * LaneBytes);
    const int CodesAt = StagedAt + (PanelProduct.PanelRows * Elements);
    const int DotsAt = CodesAt + (PanelProduct.PanelRows * Elements);
    const int SumsAt = DotsAt + (MostGroups * 4 * LaneBytes);

    /// <summary>Bytes of the workplace.</summary>
    internal const int Bytes = SumsAt + (PanelProduct.MostRows * LaneBytes);

    /// <summary>Where the strip begins in each weight row.</summary>
    internal byte** Rows => (byte**)(memory + RowsAt);

    /// <summary>Scales: [groups, 16].</summary>
    internal float* Scales => (float*)(memory + ScalesAt);

    /// <summary>Minimums: [groups, 16].</summary>
    internal float* Minimums => (float*)(memory + MinimumsAt);

    /// <summary>Room for 16-bit numbers on their way to scales: [groups, 16].</summary>
    internal ushort* Halves => (ushort*)(memory + HalvesAt);

    /// <summary>Codes of weights whose layout has no code of its own: [16, 512].</summary>
    internal sbyte* Staged => (sbyte*)(memory + StagedAt);

    /// <summary>Codes in the order of the panel: [elements / 4, 16, 4].</summary>
    internal byte* Codes => memory + CodesAt;

    /// <summary>Dot products of quads that are not summed over the quad yet: [groups, 4, 16].</summary>
    internal byte* Dots => memory + DotsAt;

    /// <summary>Sums so far: [rows of x, 16].</summary>
    internal float* Sums => (float*)(memory + SumsAt);
}

/// <summary>The codes of 32 elements of four weight rows: elements 0 … 15 of each row in one quad, and 16 … 31.</summary>
readonly struct CodeQuads<T>(T lower, T upper)
    where T : struct, ILanes<T>
{
    internal T Lower => lower;

    internal T Upper => upper;
}

/// <summary>
/// How the blocks of a weight format come apart, sixteen rows at a time. The lanes of four rows r, r + 4, r + 8, r + 12
/// are loaded together, so that after a transposition within quads lane r belongs to row r.
/// </summary>
unsafe interface IWeightLayout
{
    static abstract int BlockElements { get; }

    static abstract int BlockBytes { get; }

    /// <summary>Elements that share a scale: 16 or 32.</summary>
    static abstract int GroupElements { get; }

    static abstract bool HasMinimum { get; }

    /// <summary>What must be added to a byte of <see cref="Quads"/> to get the code.</summary>
    static abstract int Offset { get; }

    /// <summary>The greatest byte of <see cref="Quads"/>; 255 where the bytes are signed.</summary>
    static abstract int GreatestByte { get; }

    /// <summary>Fills scales and minimums of a strip whose row pointers are set; may move the row pointers to a copy.</summary>
    static abstract void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T>;

    /// <summary>The bytes of the 32 elements from 32 · <paramref name="part"/> on, of four rows of the strip.</summary>
    static abstract CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T>;
}
