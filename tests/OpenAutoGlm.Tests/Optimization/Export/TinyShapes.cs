using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Optimization.Export;

/// <summary>A small model of every architecture.</summary>
static class TinyShapes
{
    public static IEnumerable<ModelShape> All { get; } =
    [
        Small("llama-tiny"),
        Small("qwen3-tiny"),
        Small("glm4-tiny"),
        Small("glm4moe-tiny"),
        Of("qwen2-tiny", Small("qwen3-tiny"), "qwen2") with { HeadNorms = false, QkvBias = true },
        Of("glm-tiny", Small("glm4-tiny"), "glm"),
        new("qwen3moe-tiny", Small("qwen3-tiny").Config with { Architecture = "qwen3moe", TiedEmbeddings = false, Experts = new ExpertsConfig { Count = 6, Used = 2, Inner = 128 } }, HeadNorms: true),
    ];

    public static ModelShape Find(string name) => All.First(shape => shape.Name == name);

    public static TheoryData<string> Names => [.. All.Select(shape => shape.Name)];

    static ModelShape Small(string name) => ModelShape.Find(name) with { Config = Widths(ModelShape.Find(name).Config) };

    // 768 rows of embeddings are as few as the special tokens and merges of the made-up vocabularies need.
    static ModelConfig Widths(ModelConfig config) => config with { Vocab = 768, Inner = 256 };

    static ModelShape Of(string name, ModelShape like, string architecture) => like with { Name = name, Config = like.Config with { Architecture = architecture } };
}
