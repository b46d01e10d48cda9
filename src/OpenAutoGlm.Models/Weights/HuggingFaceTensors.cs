using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Weights;

/// <summary>
/// The weights of a model as the tensors of a Hugging Face file: fused where its code fuses and split where it splits, experts
/// one by one, the rows of q and k in the order of its rotary pairs, and plain numbers, since these files hold no blocks.
/// </summary>
sealed class HuggingFaceTensors
{
    readonly string _file;
    readonly ModelConfig _config;
    readonly IWeights _weights;
    readonly string _prefix;
    readonly TensorFormat? _elements;
    readonly HuggingFaceNames _table;
    readonly RopePairing _pairing;

    /// <summary>The tensors of a model.</summary>
    /// <param name="file">Where it comes from, for errors.</param>
    /// <param name="config">The hyper-parameters.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="pairing">The rotary pairs of the file.</param>
    /// <param name="prefix">What stands before the layers' names.</param>
    /// <param name="elements">The format of all tensors; by default their own, or BF16 where that is of blocks.</param>
    public HuggingFaceTensors(string file, ModelConfig config, IWeights weights, RopePairing pairing, string prefix, TensorFormat? elements)
    {
        (_file, _config, _weights, _pairing, _prefix, _elements) = (file, config, weights, pairing, prefix, elements);
        _table = HuggingFaceNames.For(config.Architecture);
    }

    /// <summary>The tensors of the weights with these names.</summary>
    /// <exception cref="NotSupportedException">These files have no place for a weight.</exception>
    public IEnumerable<OutgoingTensor> Of(IEnumerable<string> names) => names.Where(name => name != "rope_freqs.weight").SelectMany(Of);

    IEnumerable<OutgoingTensor> Of(string name)
    {
        Tensor tensor = _weights.Get(name);
        string ending = name[name.LastIndexOf('.')..];
        string layer = name.StartsWith("blk.", StringComparison.Ordinal) ? string.Join('.', name.Split('.', 3)[..2]) + "." : "";
        string stem = name[layer.Length..^ending.Length];
        return (stem, _table.Knows(stem)) switch
        {
            ("attn_qkv", false) => Qkv(layer, ending, tensor),
            ("ffn_up", true) when !_table.Knows("ffn_gate") => [GateAndUp(layer, name, tensor)],
            ("ffn_up", true) when !_weights.TryGet($"{layer}ffn_gate.weight", out _) => [One($"{layer}ffn_gate.weight", tensor.Rows(0, tensor.Shape[0].Size / 2)), One(name, tensor.Rows(tensor.Shape[0].Size / 2, tensor.Shape[0].Size / 2))],
            ("ffn_gate", false) => [],
            _ when tensor.Shape.Rank == 3 => Enumerable.Range(0, tensor.Shape[0].Size).Select(expert => Expert(name, tensor, expert)),
            _ => [One(name, tensor)],
        };
    }

    IEnumerable<OutgoingTensor> Qkv(string layer, string ending, Tensor fused)
    {
        (int q, int k) = (_config.Heads * _config.HeadDim, _config.KvHeads * _config.HeadDim);
        yield return One($"{layer}attn_q{ending}", Rows(fused, 0, q));
        yield return One($"{layer}attn_k{ending}", Rows(fused, q, k));
        yield return One($"{layer}attn_v{ending}", Rows(fused, q + k, k));
    }

    OutgoingTensor GateAndUp(string layer, string name, Tensor up) => _weights.TryGet($"{layer}ffn_gate.weight", out Tensor? gate)
        ? OutgoingTensor.Below(One(name, up).Name, One(name, gate), One(name, up))
        : One(name, up);

    OutgoingTensor Expert(string name, Tensor stack, int expert)
    {
        Tensor matrix = stack.Parts.IsEmpty ? stack.Rows(expert, 1).Reshape(stack.Shape.Dims.AsSpan()[1..]) : stack.Parts[expert];
        return OutgoingTensor.Of(_file, Stored(name, expert), matrix, Elements(matrix));
    }

    OutgoingTensor One(string name, Tensor tensor) =>
        OutgoingTensor.Of(_file, Stored(name), tensor, Elements(tensor), RotaryRows.Order(name.StartsWith("blk.", StringComparison.Ordinal) ? name.Split('.', 3)[2] : name, _config, _pairing));

    string Stored(string name, int expert = -1) => _table.Stored(name, _prefix, expert)
        ?? throw new NotSupportedException($"Hugging Face's {_config.Architecture} has no place for the weight {name}.");

    TensorFormat Elements(Tensor tensor) => _elements ?? (tensor.Format is TensorFormat.F32 or TensorFormat.F16 ? tensor.Format : TensorFormat.BF16);

    static Tensor Rows(Tensor tensor, int start, int count) => tensor.Shape.Rank > 1
        ? tensor.Rows(start, count)
        : Tensor.Of(tensor.ToFloats().AsSpan(start, count), count);
}
