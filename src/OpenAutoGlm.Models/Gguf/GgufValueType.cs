namespace OpenAutoGlm.Models.Gguf;

/// <summary>The type of a metadata value, numbered as in the file.</summary>
public enum GgufValueType : uint
{
    /// <summary>Unsigned, 8 bits.</summary>
    UInt8 = 0,

    /// <summary>Signed, 8 bits.</summary>
    Int8 = 1,

    /// <summary>Unsigned, 16 bits.</summary>
    UInt16 = 2,

    /// <summary>Signed, 16 bits.</summary>
    Int16 = 3,

    /// <summary>Unsigned, 32 bits.</summary>
    UInt32 = 4,

    /// <summary>Signed, 32 bits.</summary>
    Int32 = 5,

    /// <summary>IEEE 754 binary32.</summary>
    Float32 = 6,

    /// <summary>One byte, 0 or 1.</summary>
    Bool = 7,

    /// <summary>UTF-8 with a length before it.</summary>
    String = 8,

    /// <summary>Values of one type, with that type and their count before them.</summary>
    Array = 9,

    /// <summary>Unsigned, 64 bits.</summary>
    UInt64 = 10,

    /// <summary>Signed, 64 bits.</summary>
    Int64 = 11,

    /// <summary>IEEE 754 binary64.</summary>
    Float64 = 12,
}

static class GgufValueTypes
{
    /// <summary>Bytes of a value; 0 where they vary (strings, arrays) or the type does not exist.</summary>
    public static int FixedBytes(this GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };
}
