using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>Groups of formats that are stored but not computed with, unpacked into those that are.</summary>
abstract unsafe class KvUnpacking
{
    /// <summary>Bytes of an unpacked group; 0 where groups are read where they lie.</summary>
    internal abstract int GroupBytes { get; }

    /// <summary>Unpacks one group. <paramref name="next"/> will be read before long and may be fetched ahead.</summary>
    internal abstract void Unpack(KvPart part, byte* group, byte* to, byte* next);

    /// <summary>None for F32 and BF16; F16 becomes F32, Q8_0 becomes BF16.</summary>
    internal static KvUnpacking Of<T>(TensorFormat format, int headDim, CodeLibrary library)
        where T : struct, ILanes<T> => format switch
        {
            TensorFormat.F16 when library.Features != EmittedFeatures.None => new EmittedFromF16(library, headDim),
            TensorFormat.F16 => new FromF16<T>(headDim),
            TensorFormat.Q8_0 when library.Has(EmittedFeatures.BFloat16) => new EmittedFromQ8_0(library, headDim),
            TensorFormat.Q8_0 => new FromQ8_0<T>(headDim),
            _ => new None(),
        };

    sealed class None : KvUnpacking
    {
        internal override int GroupBytes => 0;

        internal override void Unpack(KvPart part, byte* group, byte* to, byte* next) => throw new NotSupportedException();
    }

    sealed class FromF16<T>(int headDim) : KvUnpacking
        where T : struct, ILanes<T>
    {
        internal override int GroupBytes => KvLayout.GroupTokens * headDim * sizeof(float);

        [MethodImpl(Jit.Loop)]
        internal override void Unpack(KvPart part, byte* group, byte* to, byte* next)
        {
            // Both layouts are those of F32, so it goes straight through.
            for (int i = 0; i < KvLayout.GroupTokens * headDim; i += ILanes<T>.Count)
            {
                T.Store(Functions.HalvesToFloats(T.LoadHalves((ushort*)group + i)), (float*)to + i);
            }
        }
    }

    sealed class EmittedFromF16(CodeLibrary library, int headDim) : KvUnpacking
    {
        readonly nint _unpack = library.Get($"keys and values from F16, heads of {headDim}", code => AttentionCode.UnpackF16(code, headDim)).Entry;

        internal override int GroupBytes => KvLayout.GroupTokens * headDim * sizeof(float);

        internal override void Unpack(KvPart part, byte* group, byte* to, byte* next) =>
            ((delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, void>)_unpack)(group, to, next);
    }

    sealed class EmittedFromQ8_0(CodeLibrary library, int headDim) : KvUnpacking
    {
        readonly nint _keys = library.Get($"keys from Q8_0, heads of {headDim}", code => AttentionCode.UnpackQ8_0(code, KvPart.Keys, headDim)).Entry;
        readonly nint _values = library.Get($"values from Q8_0, heads of {headDim}", code => AttentionCode.UnpackQ8_0(code, KvPart.Values, headDim)).Entry;

        internal override int GroupBytes => KvLayout.GroupTokens * headDim * sizeof(ushort);

        internal override void Unpack(KvPart part, byte* group, byte* to, byte* next) =>
            ((delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, void>)(part == KvPart.Keys ? _keys : _values))(group, to, next);
    }

    sealed class FromQ8_0<T>(int headDim) : KvUnpacking
        where T : struct, ILanes<T>
    {
        const int ScaledElements = 32;

        internal override int GroupBytes => KvLayout.GroupTokens * headDim * sizeof(ushort);

        [MethodImpl(Jit.Loop)]
        internal override void Unpack(KvPart part, byte* group, byte* to, byte* next)
        {
            ushort* scales = (ushort*)(group + (KvLayout.GroupTokens * headDim));
            float* row = stackalloc float[KvLayout.GroupTokens];
            for (int scaled = 0; scaled < headDim / ScaledElements; scaled++)
            {
                // The scales of sixteen tokens: for keys they stand as the lanes do, for values a lane is an element of the head.
                T steps = Functions.HalvesToFloats(T.LoadHalves(scales + (scaled * KvLayout.GroupTokens)));
                if (part == KvPart.Keys)
                {
                    for (int pair = scaled * ScaledElements / 2; pair < (scaled + 1) * ScaledElements / 2; pair++)
                    {
                        Pairs(group, to, pair * KvLayout.GroupTokens, steps, steps);
                    }
                }
                else
                {
                    T.Store(steps, row);
                    for (int pair = 0; pair < KvLayout.GroupTokens / 2; pair++)
                    {
                        (T even, T odd) = (T.Broadcast(row[2 * pair]), T.Broadcast(row[(2 * pair) + 1]));
                        int at = (pair * headDim) + (scaled * ScaledElements);
                        Pairs(group, to, at, even, odd);
                        Pairs(group, to, at + ILanes<T>.Count, even, odd);
                    }
                }
            }
        }

        /// <summary>Sixteen pairs of codes into sixteen pairs of BF16.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Pairs(byte* codes, byte* to, int at, T evenStep, T oddStep)
        {
            T pairs = T.LoadHalves((ushort*)codes + at);
            T even = Functions.RoundToBFloat16(T.ToFloats(T.ShiftRightInts(T.ShiftLeftInts(pairs, 24), 24)) * evenStep);
            T odd = Functions.RoundToBFloat16(T.ToFloats(T.ShiftRightInts(T.ShiftLeftInts(pairs, 16), 24)) * oddStep);
            T.Store(T.Or(T.And(T.ShiftRightInts(even, 16), T.BroadcastInt(0xFFFF)), odd), (float*)to + at);
        }
    }
}
