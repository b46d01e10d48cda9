using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>Short measurements of what the hardware gives: the floors that speeds are compared with.</summary>
sealed unsafe partial class SpeedTest : IDisposable
{
    const int Rounds = 5;

    // A round of arithmetic takes a millisecond or two: only among many is one that no neighbour disturbed.
    const int ArithmeticRounds = 40;
    const int ChunkBytes = 1 << 20;
    const int HugePages = 14; // MADV_HUGEPAGE
    const int HugePage = 2 << 20;

    readonly byte* _start;
    readonly long _bytes;

    internal SpeedTest(long bytes)
    {
        _bytes = bytes / ChunkBytes * ChunkBytes;
        _start = (byte*)NativeMemory.AlignedAlloc((nuint)_bytes, HugePage);
        if (OperatingSystem.IsLinux())
        {
            _ = Advise(_start, (nuint)_bytes, HugePages);
            MemoryNodes.SpreadOver(_start, _bytes);
        }

        // The advice must come before the first touch.
        NativeMemory.Fill(_start, (nuint)_bytes, 1);
    }

    internal double Read(WorkerPool pool) => _bytes / Best(pool, new ReadJob(_start), (int)(_bytes / ChunkBytes));

    internal double ReadAlone()
    {
        using WorkerPool alone = new(1);
        return Read(alone);
    }

    /// <summary>One read by all threads, for who repeats it himself.</summary>
    internal double ReadOnce(WorkerPool pool)
    {
        long start = Stopwatch.GetTimestamp();
        pool.Run(new ReadJob(_start), (int)(_bytes / ChunkBytes));
        return _bytes / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Null where there is no instruction for them.</summary>
    internal static double? BFloat16s(WorkerPool pool) => Emitted(pool, bytes: false);

    internal double Floats(WorkerPool pool)
    {
        ArithmeticJob job = Arithmetic(bytes: false);
        return ArithmeticJob.Chunks * pool.Threads * job.FloatOperations / Best(pool, job, ArithmeticJob.Chunks * pool.Threads, ArithmeticRounds);
    }

    internal double Bytes(WorkerPool pool) => Emitted(pool, bytes: true) ?? ArithmeticJob.Chunks * pool.Threads * ArithmeticJob.ByteOperations / Best(pool, Arithmetic(bytes: true), ArithmeticJob.Chunks * pool.Threads, ArithmeticRounds);

    public void Dispose() => NativeMemory.AlignedFree(_start);

    /// <summary>The rate of the best instruction that only emitted code has; null where there is none.</summary>
    static double? Emitted(WorkerPool pool, bool bytes)
    {
        using CodeLibrary code = new(CodeLibrary.Allowed(InstructionSets.Best));
        EmittedJob? job = code.Has(EmittedFeatures.Matrix) ? new MatrixJob(code, bytes)
            : code.Has(bytes ? EmittedFeatures.Vnni : EmittedFeatures.BFloat16) ? new VectorJob(code, bytes) : null;
        return job is null ? null : EmittedJob.Chunks * pool.Threads * job.Operations / Best(pool, job, EmittedJob.Chunks * pool.Threads, ArithmeticRounds);
    }

    static double Best(WorkerPool pool, IParallelJob job, int chunks, int rounds = Rounds)
    {
        double best = double.PositiveInfinity;
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(job, chunks);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    static ArithmeticJob Arithmetic(bool bytes) => InstructionSets.Best switch
    {
        InstructionSet.Avx512 => new ArithmeticJob<Lanes512>(bytes),
        InstructionSet.Avx2 => new ArithmeticJob<Lanes256>(bytes),
        InstructionSet.Vector128 => new ArithmeticJob<Lanes128>(bytes),
        _ => new ArithmeticJob<LanesScalar>(bytes),
    };

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint bytes, int advice);

    sealed class ReadJob(byte* start) : IParallelJob
    {
        internal long Sum;

        public void Execute(int chunk, int worker) => Sum += MemoryRead.Sum(start + ((long)chunk * ChunkBytes), ChunkBytes);
    }

    abstract class EmittedJob : IParallelJob
    {
        internal const int Chunks = 8;

        internal abstract double Operations { get; }

        public abstract void Execute(int chunk, int worker);
    }

    /// <summary>Twenty-four independent sums in registers of 512 bits: more than latency times throughput of any core so far.</summary>
    sealed class VectorJob(CodeLibrary code, bool bytes) : EmittedJob
    {
        const int Steps = 1 << 14;
        const int Sums = 24;

        readonly delegate* unmanaged<long, void> _run = (delegate* unmanaged<long, void>)code.Get($"speed of {(bytes ? "vpdpbusd" : "vdpbf16ps")}", assembler => Write(assembler, bytes)).Entry;

        internal override double Operations => 2.0 * (bytes ? 4 : 2) * 16 * Sums * Steps;

        public override void Execute(int chunk, int worker) => _run(Steps);

        static void Write(Assembler assembler, bool bytes)
        {
            for (int i = 0; i < 32; i++)
            {
                assembler.vpxord(Register(i), Register(i), Register(i));
            }

            Label again = assembler.CreateLabel();
            assembler.Label(ref again);
            for (int i = 0; i < Sums; i++)
            {
                if (bytes)
                {
                    assembler.vpdpbusd(Register(i), Register(30), Register(31));
                }
                else
                {
                    assembler.vdpbf16ps(Register(i), Register(30), Register(31));
                }
            }

            assembler.dec(AssemblerRegisters.rdi);
            assembler.jnz(again);
            assembler.vzeroupper();
            assembler.ret();
        }

        static AssemblerRegisterZMM Register(int index) => new(Iced.Intel.Register.ZMM0 + index);
    }

    /// <summary>Four tiles of sums of the matrix unit, as many as it needs to be never idle.</summary>
    sealed class MatrixJob(CodeLibrary code, bool bytes) : EmittedJob
    {
        const int Steps = 1 << 11;
        const int Sums = 4;
        const int RowBytes = 64;

        readonly MatrixUnit _unit = new(code);
        readonly delegate* unmanaged<long, void> _run = (delegate* unmanaged<long, void>)code.Get($"speed of {(bytes ? "tdpbssd" : "tdpbf16ps")}", assembler => Write(assembler, bytes)).Entry;

        internal override double Operations => 2.0 * (bytes ? 64 : 32) * MatrixUnit.MostRows * 16 * Sums * Steps;

        public override void Execute(int chunk, int worker)
        {
            TileSizes sizes = new();
            for (int tile = 0; tile < Sums + 2; tile++)
            {
                sizes.Set(tile, MatrixUnit.MostRows, RowBytes);
            }

            _unit.Open(sizes);
            _run(Steps);
            _unit.Close();
        }

        static void Write(Assembler assembler, bool bytes)
        {
            for (int i = 0; i < Sums + 2; i++)
            {
                assembler.tilezero(MatrixUnit.Tile(i));
            }

            Label again = assembler.CreateLabel();
            assembler.Label(ref again);
            for (int i = 0; i < Sums; i++)
            {
                if (bytes)
                {
                    assembler.tdpbssd(MatrixUnit.Tile(i), MatrixUnit.Tile(Sums), MatrixUnit.Tile(Sums + 1));
                }
                else
                {
                    assembler.tdpbf16ps(MatrixUnit.Tile(i), MatrixUnit.Tile(Sums), MatrixUnit.Tile(Sums + 1));
                }
            }

            assembler.dec(AssemblerRegisters.rdi);
            assembler.jnz(again);
            assembler.ret();
        }
    }

    abstract class ArithmeticJob : IParallelJob
    {
        internal const int Chunks = 8;
        internal const int Steps = 1 << 15;

        // Eight products of 64 bytes a step.
        internal const double ByteOperations = 2.0 * 8 * 64 * Steps;

        internal abstract double FloatOperations { get; }

        public abstract void Execute(int chunk, int worker);
    }

    sealed class ArithmeticJob<T>(bool bytes) : ArithmeticJob
        where T : struct, ILanes<T>
    {
        internal float Result;

        /// <summary>Sixteen registers hold five values of two registers each and what they are multiplied with; wider registers are one for a value, and there are 32.</summary>
        static bool AreFew => typeof(T) != typeof(Lanes512);

        internal override double FloatOperations => 2.0 * (AreFew ? 5 : 8) * 16 * Steps;

        public override void Execute(int chunk, int worker) => Result = bytes ? T.HasByteSums ? ByteSumSteps() : T.HasByteProducts ? ByteSteps() : ShortSteps() : AreFew ? FewFloatSteps() : FloatSteps();

        [MethodImpl(Jit.Loop)]
        static float FewFloatSteps()
        {
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero, e = T.Zero;
            T x = T.Broadcast(0.5f);
            for (int i = 0; i < Steps; i++)
            {
                a = T.MultiplyAdd(a, x, x);
                b = T.MultiplyAdd(b, x, x);
                c = T.MultiplyAdd(c, x, x);
                d = T.MultiplyAdd(d, x, x);
                e = T.MultiplyAdd(e, x, x);
            }

            return T.Sum(a + b + (c + d) + e);
        }

        [MethodImpl(Jit.Loop)]
        static float FloatSteps()
        {
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero, e = T.Zero, f = T.Zero, g = T.Zero, h = T.Zero;
            T x = T.Broadcast(0.5f);
            for (int i = 0; i < Steps; i++)
            {
                a = T.MultiplyAdd(a, x, x);
                b = T.MultiplyAdd(b, x, x);
                c = T.MultiplyAdd(c, x, x);
                d = T.MultiplyAdd(d, x, x);
                e = T.MultiplyAdd(e, x, x);
                f = T.MultiplyAdd(f, x, x);
                g = T.MultiplyAdd(g, x, x);
                h = T.MultiplyAdd(h, x, x);
            }

            return T.Sum(a + b + (c + d) + (e + f + (g + h)));
        }

        /// <summary>One instruction a product: four values are up to sixteen independent sums.</summary>
        [MethodImpl(Jit.Loop)]
        static float ByteSumSteps()
        {
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
            T x = T.BroadcastInt(0x0101_0101);
            for (int i = 0; i < Steps * 2; i++)
            {
                a = T.AddByteProducts(a, x, x);
                b = T.AddByteProducts(b, x, x);
                c = T.AddByteProducts(c, x, x);
                d = T.AddByteProducts(d, x, x);
            }

            return T.Sum(T.ToFloats(T.AddInts(T.AddInts(a, b), T.AddInts(c, d))));
        }

        /// <summary>As the kernels do for codes of four bits: eight products of bytes are added in int16, then widened once.</summary>
        [MethodImpl(Jit.Loop)]
        static float ByteSteps()
        {
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
            T ones = T.BroadcastInt(0x0001_0001);
            T x = T.BroadcastInt(0x0101_0101);
            T y = x;
            for (int i = 0; i < Steps / 4; i++)
            {
                T p = T.MultiplyBytes(x, y);
                T q = T.MultiplyBytes(y, x);
                T r = T.MultiplyBytes(x, ones);
                T s = T.MultiplyBytes(y, ones);
                for (int j = 0; j < 7; j++)
                {
                    p = T.AddShorts(p, T.MultiplyBytes(p, y));
                    q = T.AddShorts(q, T.MultiplyBytes(q, x));
                    r = T.AddShorts(r, T.MultiplyBytes(r, y));
                    s = T.AddShorts(s, T.MultiplyBytes(s, x));
                }

                a = T.AddInts(a, T.MultiplyShorts(p, ones));
                b = T.AddInts(b, T.MultiplyShorts(q, ones));
                c = T.AddInts(c, T.MultiplyShorts(r, ones));
                d = T.AddInts(d, T.MultiplyShorts(s, ones));
                y = T.AddBytes(y, x);
            }

            return T.Sum(T.ToFloats(T.AddInts(T.AddInts(a, b), T.AddInts(c, d))));
        }

        /// <summary>Two products of int16 stand for one of bytes.</summary>
        [MethodImpl(Jit.Loop)]
        static float ShortSteps()
        {
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
            T x = T.BroadcastInt(0x0001_0001);
            T y = x;
            for (int i = 0; i < Steps * 4; i++)
            {
                a = T.AddInts(a, T.MultiplyShorts(x, y));
                b = T.AddInts(b, T.MultiplyShorts(a, y));
                c = T.AddInts(c, T.MultiplyShorts(x, a));
                d = T.AddInts(d, T.MultiplyShorts(b, y));
            }

            return T.Sum(T.ToFloats(T.AddInts(T.AddInts(a, b), T.AddInts(c, d))));
        }
    }
}
