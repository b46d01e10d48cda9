using System.Globalization;
using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Optimization.Training.Data;

namespace OpenAutoGlm.Optimization.Training.Checkpoints;

/// <summary>
/// A state of training as one GGUF file: tensors named weight/…, adamw.m/…, adamw.v/…, muon/…, ema/…, the rest as
/// metadata, with a checksum of everything. It appears under its name when it is whole and on the disk.
/// </summary>
static class CheckpointFile
{
    const string Prefix = "autoglm.training.";

    /// <summary>Writes a state.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(string path, TrainingState state)
    {
        GgufWriter writer = new();
        writer.Add("general.architecture", "autoglm-checkpoint");
        writer.Add(Prefix + "progress", Text(state.Progress));
        writer.Add(Prefix + "identity", state.Identity);
        foreach ((string name, Tensor tensor) in state.Tensors)
        {
            writer.AddTensor(name, tensor);
        }

        writer.Add(Prefix + "sum", Sum(Text(state.Progress), state.Tensors));
        writer.Write(path);
    }

    /// <summary>Reads a state; its tensors are copies.</summary>
    /// <exception cref="ModelFormatException">The file is damaged or no checkpoint.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TrainingState Read(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        string progress = file.Metadata.GetString(Prefix + "progress");
        string[] identity = file.Metadata.GetStringArray(Prefix + "identity");
        (string Name, Tensor Tensor)[] mapped = [.. file.Tensors.Select(tensor => (tensor.Name, file.GetTensor(tensor.Name)))];
        if (Array.Find(mapped, tensor => tensor.Tensor.Format != TensorFormat.F32) is { Name: not null } odd)
        {
            throw new ModelFormatException(path, odd.Name, $"the tensor is {odd.Tensor.Format}; checkpoints hold float32.");
        }

        string sum = Sum(progress, mapped);
        if (sum != file.Metadata.GetString(Prefix + "sum"))
        {
            throw new ModelFormatException(path, Prefix + "sum", $"the checksum is {sum}, but the file says {file.Metadata.GetString(Prefix + "sum")}: it is damaged.");
        }

        return new TrainingState(
            Parse(path, progress),
            [.. identity],
            [.. mapped.Select(tensor => (tensor.Name, Tensor.Of(tensor.Tensor.View.Floats, tensor.Tensor.Shape.Dims.AsSpan())))]);
    }

    static string Text(TrainingProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"{progress.Steps} {progress.Updates} {progress.Tokens} {progress.Data.Epoch} {progress.Data.First} {progress.Data.Batch} {progress.LossScale.Value:r} {progress.LossScale.GoodSteps}");

    static TrainingProgress Parse(string path, string text)
    {
        string[] parts = text.Split(' ');
        try
        {
            long Whole(int index) => long.Parse(parts[index], CultureInfo.InvariantCulture);
            return new TrainingProgress(
                Whole(0),
                Whole(1),
                Whole(2),
                new DataPosition(checked((int)Whole(3)), checked((int)Whole(4)), checked((int)Whole(5))),
                new LossScale(double.Parse(parts[6], CultureInfo.InvariantCulture), checked((int)Whole(7))));
        }
        catch (Exception failed) when (failed is FormatException or OverflowException or IndexOutOfRangeException)
        {
            throw new ModelFormatException(path, Prefix + "progress", $"'{text}' is not what a checkpoint says of its progress.", failed);
        }
    }

    static string Sum(string progress, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        ulong sum = ContentSum.Of(MemoryMarshal.AsBytes(progress.AsSpan()));
        foreach ((string name, Tensor tensor) in tensors)
        {
            sum = ContentSum.Of(MemoryMarshal.AsBytes(name.AsSpan()), sum);
            sum = ContentSum.Of(MemoryMarshal.AsBytes(tensor.View.Floats), sum);
        }

        return $"{sum:x16}";
    }
}
