using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Packages;
using OpenAutoGlm.Models.Tokenizers.Saving;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>
/// Writes a model as a folder that Hugging Face's code reads: model.safetensors, config.json, the tokenizer's files and the
/// chat template. Numbers only: weights in blocks are dequantised to BF16.
/// </summary>
public static class SafetensorsModelWriter
{
    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes the folder; it appears under its name when it is whole.</summary>
    /// <param name="source">Where the model came from: tokenizer, chat template and what stands beside the language model are taken from it.</param>
    /// <param name="config">The hyper-parameters of what is written.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="path">The folder; it must not hold anything yet.</param>
    /// <param name="elements">F32, F16 or BF16 for all tensors; by default each stays as it is, and what is in blocks becomes BF16.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <param name="cancellation">Checked before every tensor; nothing is left behind.</param>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the configuration says, or the tokenizer cannot be said in such files.</exception>
    /// <exception cref="NotSupportedException">Such a model cannot be said in a config.json.</exception>
    /// <exception cref="IOException">The folder holds something already, or the disk is full.</exception>
    public static void Write(
        ModelPackage source, ModelConfig config, IWeights weights, string path, TensorFormat? elements = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(weights);
        IReadOnlyList<string> names = WeightRecord.Of(config, weights);
        HuggingFaceWeights? old = source.Weights as HuggingFaceWeights;
        RopePairing pairing = HuggingFaceConfigWriter.PairingOf(config.Architecture);
        string prefix = old is null || old.Prefix == "transformer." ? "model." : old.Prefix;
        OutgoingTensor[] tensors = [.. new HuggingFaceTensors(source.Path, config, weights, pairing, prefix, elements).Of(names)];
        ModelConfig stated = config with
        {
            TiedEmbeddings = !names.Contains("output.weight"),
            Rope = config.Rope with { Pairing = pairing, Llama3 = config.Rope.Llama3 ?? (weights.TryGet("rope_freqs.weight", out Tensor? factors) ? RopeFactors.Recognise(source.Path, config.Rope, factors.ToFloats()) : null) },
        };
        JsonObject json = Configuration(source, old, stated, weights);
        json["torch_dtype"] = NameOf(tensors.GroupBy(tensor => tensor.Format).MaxBy(group => group.Sum(tensor => tensor.Bytes))!.Key);
        SafetensorsWriter writer = new();
        foreach (OutgoingTensor tensor in tensors.Concat(Beside(source, old)))
        {
            writer.Add(tensor);
        }

        AtomicFolder.Write(path, folder =>
        {
            if (old is null)
            {
                HuggingFaceTokenizerWriter.Write(folder, source, json);
            }
            else
            {
                TokenizerFiles.Copy(source.Folder, folder);
            }

            File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString(Indented));
            writer.Write(Path.Combine(folder, "model.safetensors"), progress, cancellation);
        });
    }

    static JsonObject Configuration(ModelPackage source, HuggingFaceWeights? old, ModelConfig config, IWeights weights)
    {
        JsonObject? root = old is null ? null : JsonNode.Parse(File.ReadAllText(Path.Combine(source.Folder, "config.json")))!.AsObject();
        if (root is null || (string?)root["model_type"] == ChatGlmConfig.ModelType)
        {
            JsonObject fresh = HuggingFaceConfigWriter.Write(config);
            fresh["attention_bias"] = weights.TryGet("blk.0.attn_q.bias", out _) || weights.TryGet("blk.0.attn_qkv.bias", out _);
            if (config.Architecture == "glm4moe")
            {
                fresh["use_qk_norm"] = weights.TryGet("blk.0.attn_q_norm.weight", out _);
            }

            return fresh;
        }

        if (root["text_config"] is not JsonObject inner)
        {
            return HuggingFaceConfigWriter.Write(config, root);
        }

        root["text_config"] = HuggingFaceConfigWriter.Write(config, inner);
        root["tie_word_embeddings"] = config.TiedEmbeddings;
        return root;
    }

    /// <summary>What the files hold beside the language model goes along as it is.</summary>
    static IEnumerable<OutgoingTensor> Beside(ModelPackage source, HuggingFaceWeights? old)
    {
        foreach (string name in old?.Others ?? [])
        {
            if (old!.TryGetStored(name, out Tensor? tensor))
            {
                yield return OutgoingTensor.Of(source.Path, name, tensor, tensor.Format);
            }
        }
    }

    static string NameOf(TensorFormat format) => format switch
    {
        TensorFormat.F32 => "float32",
        TensorFormat.F16 => "float16",
        _ => "bfloat16",
    };
}
