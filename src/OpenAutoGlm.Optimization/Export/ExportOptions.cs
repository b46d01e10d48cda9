using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Export;

/// <summary>The kind of files that a model is written as.</summary>
public enum ExportFormat
{
    /// <summary>One GGUF file: any block format, with everything in it.</summary>
    Gguf,

    /// <summary>A folder as Hugging Face's code reads it: plain numbers only, so weights in blocks become BF16.</summary>
    Safetensors,
}

/// <summary>How a model is written.</summary>
/// <param name="Format">The kind of files.</param>
public sealed record ExportOptions(ExportFormat Format)
{
    /// <summary>What a GGUF file calls the model; as the source does where it is null. A folder is named by its path.</summary>
    public string? Name { get; init; }

    /// <summary>For safetensors: F32, F16 or BF16 for all tensors; by default each stays as it is where the files can hold it.</summary>
    public TensorFormat? Elements { get; init; }
}
