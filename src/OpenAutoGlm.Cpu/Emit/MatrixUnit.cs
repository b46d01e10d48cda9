using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Emit;

/// <summary>
/// The matrix unit of newer Xeons (AMX): eight registers, each a tile of up to sixteen rows of 64 bytes, and instructions that multiply
/// two of them and add the product to a third. A process must ask the system before it uses them, and a thread must say
/// how large its tiles are before it uses them (<see cref="TileSizes"/>).
/// </summary>
sealed unsafe partial class MatrixUnit
{
    /// <summary>Registers of tiles.</summary>
    internal const int Tiles = 8;

    /// <summary>The most rows of a tile.</summary>
    internal const int MostRows = 16;

    // Of Linux on x64: the call, its request, and the state it is about.
    const int ArchPrctl = 158;
    const int RequestPermission = 0x1023;
    const int TileData = 18;

    readonly delegate* unmanaged[SuppressGCTransition]<TileSizes*, void> _open;
    readonly delegate* unmanaged[SuppressGCTransition]<void> _close;

    internal MatrixUnit(CodeLibrary library)
    {
        _open = (delegate* unmanaged[SuppressGCTransition]<TileSizes*, void>)library.Get("open matrix unit", code =>
        {
            code.ldtilecfg(__[rdi]);
            code.ret();
        }).Entry;
        _close = (delegate* unmanaged[SuppressGCTransition]<void>)library.Get("close matrix unit", code =>
        {
            code.tilerelease();
            code.ret();
        }).Entry;
    }

    /// <summary>The register of a tile, 0 to 7.</summary>
    internal static AssemblerRegisterTMM Tile(int number) => new(Register.TMM0 + number);

    /// <summary>Whether this process may use the unit, with products of int8 and of bfloat16; asks the system for it.</summary>
    internal static bool Request()
    {
        // CPUID leaf 7, EDX: bit 22 AMX-BF16, 24 AMX-TILE, 25 AMX-INT8.
        const int All = (1 << 22) | (1 << 24) | (1 << 25);
        return OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && X86Base.IsSupported
            && (X86Base.CpuId(7, 0).Edx & All) == All
            && SystemCall(ArchPrctl, RequestPermission, TileData) == 0;
    }

    /// <summary>What comes before the first tile of this thread; it takes a tenth of a microsecond.</summary>
    internal void Open(TileSizes sizes) => _open(&sizes);

    /// <summary>What comes after its last, so that nobody keeps its tiles.</summary>
    internal void Close() => _close();

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long first, long second);
}

/// <summary>How large each of the eight tiles is, as the ldtilecfg instruction reads it.</summary>
unsafe struct TileSizes
{
    fixed byte _head[16];
    fixed ushort _rowBytes[16];
    fixed byte _rows[16];

    public TileSizes() => _head[0] = 1; // palette 1: eight tiles of up to sixteen rows of 64 bytes

    /// <summary>Says how large a tile is; one that is not mentioned, or has no rows, cannot be used.</summary>
    internal void Set(int tile, int rows, int rowBytes)
    {
        _rows[tile] = (byte)rows;
        _rowBytes[tile] = (ushort)(rows == 0 ? 0 : rowBytes);
    }
}
