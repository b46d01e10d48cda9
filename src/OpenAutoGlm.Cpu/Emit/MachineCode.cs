using System.Runtime.InteropServices;
using Iced.Intel;

namespace OpenAutoGlm.Cpu.Emit;

/// <summary>
/// A function assembled at run time. Its pages are writable while it is written and executable afterwards, never both.
/// It follows the System V calling convention, so it exists on Unix only. Freed when disposed or collected; nobody may
/// be inside it then.
/// </summary>
sealed unsafe partial class MachineCode : SafeHandle
{
    const int ReadWrite = 3;
    const int ReadExecute = 5;
    const int PrivateAnonymous = 0x22;
    const int PrivateAnonymousMac = 0x1002;

    readonly nuint _mapped;

    MachineCode(string name, nint address, nuint mapped, int bytes)
        : base(0, ownsHandle: true)
    {
        (Name, _mapped, Bytes) = (name, mapped, bytes);
        SetHandle(address);
    }

    /// <summary>What listings print, for example "Q8_0 × 1 row".</summary>
    internal string Name { get; }

    /// <summary>Bytes of instructions.</summary>
    internal int Bytes { get; }

    /// <summary>Where the function begins.</summary>
    internal nint Entry => handle;

    public override bool IsInvalid => handle is 0 or -1;

    /// <summary>The instructions.</summary>
    internal ReadOnlySpan<byte> Instructions => new((void*)handle, Bytes);

    /// <summary>Assembles a function.</summary>
    /// <exception cref="NotSupportedException">The system does not hand out executable memory.</exception>
    internal static MachineCode Assemble(string name, Action<Assembler> write)
    {
        Assembler assembler = new(64);
        write(assembler);

        // The first assembly only tells the length: everything in it is relative, so the address does not matter.
        nuint page = (nuint)Environment.SystemPageSize;
        using MemoryStream measured = new();
        assembler.Assemble(new StreamCodeWriter(measured), 0);
        nuint mapped = ((nuint)measured.Length + page - 1) / page * page;
        void* memory = Map(null, mapped, ReadWrite, OperatingSystem.IsMacOS() ? PrivateAnonymousMac : PrivateAnonymous, -1, 0);
        if ((nint)memory == -1)
        {
            throw new NotSupportedException($"No memory for the code of '{name}' (error {Marshal.GetLastPInvokeError()}).");
        }

        using MemoryStream bytes = new();
        assembler.Assemble(new StreamCodeWriter(bytes), (ulong)memory);
        bytes.GetBuffer().AsSpan(0, (int)bytes.Length).CopyTo(new Span<byte>(memory, (int)mapped));
        if (Protect(memory, mapped, ReadExecute) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            _ = Unmap(memory, mapped);
            throw new NotSupportedException($"The system does not allow code made at run time (error {error}).");
        }

        return new MachineCode(name, (nint)memory, mapped, (int)bytes.Length);
    }

    /// <summary>The function as text, a line an instruction.</summary>
    internal string Disassemble()
    {
        ByteArrayCodeReader reader = new(Instructions.ToArray());
        Decoder decoder = Decoder.Create(64, reader, (ulong)handle);
        NasmFormatter formatter = new();
        StringOutput line = new();
        System.Text.StringBuilder text = new();
        while (reader.CanReadByte)
        {
            Instruction instruction = decoder.Decode();
            formatter.Format(instruction, line);
            text.Append($"{instruction.IP - (ulong)handle,6:x}  {line.ToStringAndReset()}\n");
        }

        return text.ToString();
    }

    protected override bool ReleaseHandle() => Unmap((void*)handle, _mapped) == 0;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint bytes);
}
