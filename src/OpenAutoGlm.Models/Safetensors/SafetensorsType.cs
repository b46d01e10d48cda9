using System.Collections.Frozen;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>An element type as safetensors files spell it. Source: the Dtype enumeration of the safetensors crate.</summary>
/// <param name="Name">The spelling in the file.</param>
/// <param name="Bits">Bits of an element.</param>
/// <param name="Format">The format here; null if there is none.</param>
sealed record SafetensorsType(string Name, int Bits, TensorFormat? Format = null)
{
    static readonly FrozenDictionary<string, SafetensorsType> ByName = new SafetensorsType[]
    {
        new("F32", 32, TensorFormat.F32),
        new("F16", 16, TensorFormat.F16),
        new("BF16", 16, TensorFormat.BF16),
        new("I32", 32),
        new("BOOL", 8),
        new("U8", 8),
        new("I8", 8),
        new("I16", 16),
        new("U16", 16),
        new("U32", 32),
        new("I64", 64),
        new("U64", 64),
        new("F64", 64),
        new("C64", 64),
        new("F8_E5M2", 8),
        new("F8_E4M3", 8),
        new("F8_E8M0", 8),
        new("F6_E2M3", 6),
        new("F6_E3M2", 6),
        new("F4", 4),
    }.ToFrozenDictionary(type => type.Name);

    /// <summary>The type with a name; null if it is unknown.</summary>
    public static SafetensorsType? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The type that stores a format; null if these files cannot hold it.</summary>
    public static SafetensorsType? Of(TensorFormat format) => ByName.Values.FirstOrDefault(type => type.Format == format);
}
