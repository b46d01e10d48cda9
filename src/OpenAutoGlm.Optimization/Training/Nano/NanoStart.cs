using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers.Training;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>autoglm-nano before its training: its dimensions, its vocabulary and random weights.</summary>
public static class NanoStart
{
    const int Conversations = 30_000;
    const int LeastCount = 20;

    // The residual stream begins with the embedding, and each branch adds a little: its norm comes last.
    const float EmbeddingDeviation = 0.1f;
    const float BranchNorm = 0.2f;

    /// <summary>The dimensions: GLM-4-0414's architecture, small, with the embedding table as output projection.</summary>
    public static ModelConfig Config { get; } = new()
    {
        Architecture = "glm4",
        Layers = 5,
        Hidden = 160,
        Heads = 5,
        KvHeads = 5,
        HeadDim = 32,
        Inner = 384,
        Vocab = 2304,
        ContextLength = 4096,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig(RopePairing.Interleaved, 16, 10000),
        TiedEmbeddings = true,
    };

    /// <summary>The vocabulary, learnt from the data.</summary>
    public static TrainedVocabulary LearnVocabulary(CancellationToken cancellation = default) => BytePairTrainer.Train(
        NanoVocabulary.Pieces(Conversations),
        new BytePairTrainingOptions
        {
            VocabularySize = Config.Vocab,
            MinimumCount = LeastCount,
            SingleDigits = true,
            Controls = NanoVocabulary.Controls,
            AlwaysWhole = NanoVocabulary.Tags,
            Bos = "[gMASK]",
            Eos = "<|user|>",
            EndOfTurn = "</answer>",
        },
        cancellation);

    /// <summary>Writes the model as a GGUF file of float32 weights; the same seed gives the same bytes.</summary>
    /// <param name="path">The file; it appears when it is whole.</param>
    /// <param name="seed">Where the random numbers begin.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(string path, ulong seed, CancellationToken cancellation = default)
    {
        TrainedVocabulary vocabulary = LearnVocabulary(cancellation);
        Dice dice = new(seed);
        GgufWriter writer = new();
        GgufConfigWriter.Write(writer, Config);
        writer.Add("general.name", NanoModel.Name);
        writer.Add("general.file_type", 0u);
        writer.Add("general.sampling.temp", 0f);
        vocabulary.Write(writer, Config.Vocab, NanoTemplate.Source);
        int queries = Config.Heads * Config.HeadDim;
        int keys = Config.KvHeads * Config.HeadDim;
        Matrix("token_embd", Config.Vocab, Config.Hidden, EmbeddingDeviation);
        Vector("output_norm.weight", Config.Hidden, 1);
        for (int layer = 0; layer < Config.Layers; layer++)
        {
            string block = $"blk.{layer}.";
            Vector($"{block}attn_norm.weight", Config.Hidden, 1);
            Matrix($"{block}attn_q", queries, Config.Hidden);
            Vector($"{block}attn_q.bias", queries, 0);
            Matrix($"{block}attn_k", keys, Config.Hidden);
            Vector($"{block}attn_k.bias", keys, 0);
            Matrix($"{block}attn_v", keys, Config.Hidden);
            Vector($"{block}attn_v.bias", keys, 0);
            Matrix($"{block}attn_output", Config.Hidden, queries);
            Vector($"{block}post_attention_norm.weight", Config.Hidden, BranchNorm);
            Vector($"{block}ffn_norm.weight", Config.Hidden, 1);
            Matrix($"{block}ffn_up", 2 * Config.Inner, Config.Hidden);
            Matrix($"{block}ffn_down", Config.Hidden, Config.Inner);
            Vector($"{block}post_ffw_norm.weight", Config.Hidden, BranchNorm);
        }

        writer.Write(path, progress: null, cancellation);

        void Matrix(string name, int rows, int columns, float? deviation = null)
        {
            Tensor tensor = Tensor.Allocate(TensorFormat.F32, rows, columns);
            float scale = deviation ?? 0.5f / MathF.Sqrt(columns);
            foreach (ref float value in tensor.View.Floats)
            {
                value = scale * dice.Normal();
            }

            writer.AddTensor($"{name}.weight", tensor);
        }

        void Vector(string name, int length, float value)
        {
            Tensor tensor = Tensor.Allocate(TensorFormat.F32, length);
            tensor.View.Floats.Fill(value);
            writer.AddTensor(name, tensor);
        }
    }
}
