using OpenAutoGlm.Cpu.Kernels.Elementwise;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>σ(x)(1 + x(1 − σ(x))) · dy.</summary>
struct SiluSlopeOf<T> : IBinary<T>
    where T : struct, ILanes<T>
{
    public static T Of(T x, T dy)
    {
        T sigmoid = Functions.Sigmoid(x);
        return T.MultiplyAdd(x, sigmoid * (T.Broadcast(1) - sigmoid), sigmoid) * dy;
    }
}

/// <summary>σ(x)(1 − σ(x)) · dy.</summary>
struct SigmoidSlopeOf<T> : IBinary<T>
    where T : struct, ILanes<T>
{
    public static T Of(T x, T dy)
    {
        T sigmoid = Functions.Sigmoid(x);
        return sigmoid * (T.Broadcast(1) - sigmoid) * dy;
    }
}

/// <summary>dy where x is above 0.</summary>
struct ReluSlopeOf<T> : IBinary<T>
    where T : struct, ILanes<T>
{
    public static T Of(T x, T dy) => T.Select(T.Less(T.Zero, x), dy, T.Zero);
}
