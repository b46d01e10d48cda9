namespace OpenAutoGlm.Graph.Formats;

/// <summary>How the elements of a tensor are stored. The names are the public spelling of the field.</summary>
public enum TensorFormat
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,

    /// <summary>32 signed 4-bit values, one F16 scale.</summary>
    Q4_0,

    /// <summary>32 unsigned 4-bit values, F16 scale and minimum.</summary>
    Q4_1,

    /// <summary>32 signed 5-bit values, one F16 scale.</summary>
    Q5_0,

    /// <summary>32 unsigned 5-bit values, F16 scale and minimum.</summary>
    Q5_1,

    /// <summary>32 signed 8-bit values, one F16 scale.</summary>
    Q8_0,

    /// <summary>256 2-bit values, 4-bit scales and minima per 16.</summary>
    Q2_K,

    /// <summary>256 3-bit values, 6-bit scales per 16.</summary>
    Q3_K,

    /// <summary>256 4-bit values, 6-bit scales and minima per 32.</summary>
    Q4_K,

    /// <summary>256 5-bit values, 6-bit scales and minima per 32.</summary>
    Q5_K,

    /// <summary>256 6-bit values, 8-bit scales per 16.</summary>
    Q6_K,

    /// <summary>32 4-bit indices into a non-linear table, one F16 scale.</summary>
    IQ4_NL,

    /// <summary>256 4-bit indices into a non-linear table, 6-bit scales per 32.</summary>
    IQ4_XS,

    /// <summary>32 E2M1 values sharing an E8M0 exponent (OCP Microscaling 1.0).</summary>
    MXFP4,

    /// <summary>32-bit signed integers: token ids, positions, indices. Never a weight.</summary>
    I32,
}
