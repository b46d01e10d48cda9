using System.Runtime.InteropServices;
using System.Text.Json;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Formats;

/// <summary>The blocks that llama.cpp wrote for four rows of 512 floats, and what it read back and multiplied.</summary>
sealed class GoldenBlocks
{
    public const int Rows = 4;
    public const int Columns = 512;

    GoldenBlocks(string name, double[] dots)
    {
        Dots = dots;
        Blocks = File.ReadAllBytes(SharedData.Path("golden", "blocks", $"{name}.blocks.bin"));
        Dequantized = Floats($"{name}.deq.f32");
    }

    /// <summary>The values that were quantised.</summary>
    public static float[] Source => Floats("src.f32");

    /// <summary>One row of activations.</summary>
    public static float[] Activations => Floats("act.f32");

    public byte[] Blocks { get; }

    public float[] Dequantized { get; }

    /// <summary>The dot products of the rows with the activations, both quantised as llama.cpp does.</summary>
    public double[] Dots { get; }

    public static GoldenBlocks Of(TensorFormat format)
    {
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("golden", "blocks", "index.json")));
        JsonElement entry = index.RootElement.GetProperty("types").EnumerateArray()
            .Single(type => type.GetProperty("type").GetString()!.Equals(format.ToString(), StringComparison.OrdinalIgnoreCase));
        return new GoldenBlocks(
            entry.GetProperty("type").GetString()!,
            [.. entry.GetProperty("vec_dot").EnumerateArray().Select(dot => dot.GetDouble())]);
    }

    static float[] Floats(string file) =>
        MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(SharedData.Path("golden", "blocks", file))).ToArray();
}
