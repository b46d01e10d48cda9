using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu;

public unsafe class FunctionTests
{
    [Fact]
    public void Exp_is_within_a_place_and_a_half()
    {
        double worst = 0;
        for (double x = -103; x < 88.7; x += 0.00737)
        {
            double expected = Math.Exp((float)x);
            double place = Math.Max(MathF.BitIncrement((float)expected) - (double)(float)expected, float.Epsilon);
            worst = Math.Max(worst, Math.Abs(One<ExpOf>((float)x) - expected) / place);
        }

        Assert.InRange(worst, 0.4, 1.5);
        Assert.Equal(1, One<ExpOf>(0));
        Assert.Equal(0, One<ExpOf>(float.NegativeInfinity));
        Assert.Equal(0, One<ExpOf>(-200));
        Assert.Equal(float.PositiveInfinity, One<ExpOf>(89));
        Assert.Equal(float.PositiveInfinity, One<ExpOf>(float.PositiveInfinity));
        Assert.True(float.IsNaN(One<ExpOf>(float.NaN)));
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Sigmoid)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.GeluErf)]
    public void Activations_are_close_to_float64(Activation function)
    {
        for (double x = -30; x < 30; x += 0.0137)
        {
            double expected = Activate.Of(function, (float)x);
            float actual = function switch
            {
                Activation.Silu => One<SiluOf>((float)x),
                Activation.Sigmoid => One<SigmoidOf>((float)x),
                Activation.GeluTanh => One<GeluTanhOf>((float)x),
                _ => One<GeluErfOf>((float)x),
            };
            double tolerance = (5e-7 * Math.Abs(expected)) + (function is Activation.GeluErf or Activation.GeluTanh ? 1e-7 : 1e-30);
            Assert.True(Math.Abs(expected - actual) <= tolerance, $"{function}({x}): {expected:R}, {actual:R}");
        }
    }

    [Fact]
    public void Every_width_gives_the_same_bits()
    {
        Random random = new(1);
        float* x = stackalloc float[16];
        for (int round = 0; round < 2000; round++)
        {
            for (int i = 0; i < 16; i++)
            {
                x[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 3)));
            }

            Same<ExpOf>(x);
            Same<GeluErfOf>(x);
            Same<SiluOf>(x);
        }
    }

    [Fact]
    public void Every_half_becomes_the_right_single()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float actual = One<HalfOf>(BitConverter.Int32BitsToSingle(bits));
            Assert.True(expected.Equals(actual) && float.IsNegative(expected) == float.IsNegative(actual), $"{bits:x4}: {expected} {actual}");
        }
    }

    [Fact]
    public void Every_width_rounds_to_bfloat16_as_the_format_does()
    {
        Random random = new(2);
        uint* x = stackalloc uint[16];
        float* rounded = stackalloc float[16];
        uint[] special = [0, 1, 0x80000000, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7F800001, 0xFF80FFFF, 0x7FC00000, 0xFFFFFFFF, 0x3F808000, 0x3F818000];
        for (int round = 0; round < 5000; round++)
        {
            for (int i = 0; i < 16; i++)
            {
                x[i] = i < special.Length && round % 8 == 0 ? special[i] : (uint)random.NextInt64(1L << 32);
            }

            Same<NearestOf>((float*)x);
            Same<FlushedOf>((float*)x);
            LanesScalar.Store(Functions.NearestBFloat16(LanesScalar.Load(x)), rounded);
            for (int i = 0; i < 16; i++)
            {
                Assert.Equal((uint)BF16Format.FromSingle(((float*)x)[i]) << 16, ((uint*)rounded)[i]);
            }

            LanesScalar.Store(Functions.RoundToBFloat16(LanesScalar.Load(x)), rounded);
            for (int i = 0; i < 16; i++)
            {
                Assert.Equal(float.IsSubnormal(((float*)x)[i]) ? 0 : (uint)BF16Format.FromSingle(((float*)x)[i]) << 16 & (((float*)x)[i] == 0 ? 0 : uint.MaxValue), ((uint*)rounded)[i]);
            }
        }
    }

    static void Same<TFunction>(float* x)
        where TFunction : IFunction
    {
        float* expected = stackalloc float[16];
        float* actual = stackalloc float[16];
        LanesScalar.Store(TFunction.Of(LanesScalar.Load(x)), expected);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            switch (set)
            {
                case InstructionSet.Vector128:
                    Lanes128.Store(TFunction.Of(Lanes128.Load(x)), actual);
                    break;
                case InstructionSet.Avx2:
                    Lanes256.Store(TFunction.Of(Lanes256.Load(x)), actual);
                    break;
                case InstructionSet.Avx512:
                    Lanes512.Store(TFunction.Of(Lanes512.Load(x)), actual);
                    break;
                default:
                    continue;
            }

            Assert.True(new ReadOnlySpan<int>(expected, 16).SequenceEqual(new ReadOnlySpan<int>(actual, 16)), $"{typeof(TFunction).Name} {set}");
        }
    }

    static float One<TFunction>(float x)
        where TFunction : IFunction
    {
        float* result = stackalloc float[16];
        LanesScalar.Store(TFunction.Of(LanesScalar.Broadcast(x)), result);
        return result[0];
    }

    interface IFunction
    {
        static abstract T Of<T>(T x)
            where T : struct, ILanes<T>;
    }

    struct NearestOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.NearestBFloat16(x);
    }

    struct FlushedOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.RoundToBFloat16(x);
    }

    struct ExpOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.Exp(x);
    }

    struct SiluOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.Silu(x);
    }

    struct SigmoidOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.Sigmoid(x);
    }

    struct GeluTanhOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.GeluTanh(x);
    }

    struct GeluErfOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.GeluErf(x);
    }

    struct HalfOf : IFunction
    {
        public static T Of<T>(T x)
            where T : struct, ILanes<T> => Functions.HalvesToFloats(x);
    }
}
