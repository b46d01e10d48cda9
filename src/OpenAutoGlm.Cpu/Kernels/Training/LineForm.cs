namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>What a line of 32 bits holds that <see cref="ProductTiles{T}"/> multiplies. The last two give the same bits.</summary>
enum LineForm
{
    /// <summary>One element in float32.</summary>
    Floats,

    /// <summary>Two neighbours in bfloat16, the even one below, for vdpbf16ps.</summary>
    Pairs,

    /// <summary>
    /// One element rounded to bfloat16 and widened to float32, each odd one before its even neighbour: the order in which vdpbf16ps
    /// adds. Products of two are exact, so that a fused multiply-add rounds as it does.
    /// </summary>
    Rounded,
}
