using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Safetensors;

namespace OpenAutoGlm.Optimization.Export;

/// <summary>
/// Writes a changed model so that other engines read it. What the weights give for a name is what is written; which names
/// there are follows from the graph that the configuration makes, so that pruned layers are gone and an untied output is there.
/// </summary>
public static class ModelExporter
{
    /// <summary>Writes a file or a folder. It appears under its name when it is whole; if anything fails, nothing is left.</summary>
    /// <param name="source">The model that this one was made of: tokenizer, chat template and metadata are taken from it.</param>
    /// <param name="config">The hyper-parameters of what is written.</param>
    /// <param name="weights">Its weights; they may come from <paramref name="source"/>.</param>
    /// <param name="options">The kind of files, and what they are called.</param>
    /// <param name="path">The GGUF file, which is replaced where it is there; or the folder, which must not hold anything yet.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <param name="cancellation">Stops between two tensors.</param>
    /// <exception cref="ModelFormatException">A weight is missing, misshapen or no number, or the tokenizer cannot be said in such files.</exception>
    /// <exception cref="NotSupportedException">Such files cannot say the configuration.</exception>
    /// <exception cref="ArgumentException">The model is no variant of its source.</exception>
    /// <exception cref="IOException">The folder holds something already, the disk is full, or the place cannot be written.</exception>
    public static void Write(
        ModelPackage source, ModelConfig config, IWeights weights, ExportOptions options, string path, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (options.Format == ExportFormat.Gguf)
        {
            GgufModelWriter.Write(source, config, weights, path, options.Name, progress, cancellation);
        }
        else
        {
            SafetensorsModelWriter.Write(source, config, weights, path, options.Elements, progress, cancellation);
        }
    }
}
