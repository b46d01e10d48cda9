using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Graph.Tensors;

/// <summary>What is known of a value before it exists: its shape and its format.</summary>
public readonly record struct TensorType(Shape Shape, TensorFormat Format)
{
    /// <summary>A float32 type.</summary>
    public static TensorType F32(params ReadOnlySpan<Dim> dims) => new(new Shape(dims), TensorFormat.F32);

    /// <summary>An int32 type.</summary>
    public static TensorType I32(params ReadOnlySpan<Dim> dims) => new(new Shape(dims), TensorFormat.I32);

    /// <inheritdoc/>
    public override string ToString() => $"{Format}{Shape}";
}
