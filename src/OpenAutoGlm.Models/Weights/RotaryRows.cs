using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Weights;

/// <summary>
/// The order of the rows of q and k. Which two elements of a head turn together is a matter of where they stand, so a file
/// that pairs neighbours and one that pairs halves hold the same rows in another order; attention cannot tell, since queries
/// and keys are reordered alike. Llama files differ so between Hugging Face (halves) and GGUF (neighbours).
/// </summary>
static class RotaryRows
{
    /// <summary>Where each row comes from; null where nothing moves.</summary>
    /// <param name="name">The weight, without its layer: attn_q.weight, attn_qkv.bias, attn_k_norm.weight, …</param>
    /// <param name="from">The model as its weights are.</param>
    /// <param name="to">The pairs that turn in the file.</param>
    public static int[]? Order(string name, ModelConfig from, RopePairing to)
    {
        if (from.Rope.Pairing == to)
        {
            return null;
        }

        (int heads, int unmoved) = name[..name.LastIndexOf('.')] switch
        {
            "attn_q" => (from.Heads, 0),
            "attn_k" => (from.KvHeads, 0),
            "attn_qkv" => (from.Heads + from.KvHeads, from.KvHeads),
            "attn_q_norm" or "attn_k_norm" => (1, 0),
            _ => (0, 0),
        };
        if (heads == 0)
        {
            return null;
        }

        int[] order = [.. Enumerable.Range(0, (heads + unmoved) * from.HeadDim)];
        int half = from.Rope.Dims / 2;
        for (int head = 0; head < heads; head++)
        {
            int first = head * from.HeadDim;
            for (int pair = 0; pair < half; pair++)
            {
                for (int side = 0; side < 2; side++)
                {
                    (int neighbour, int apart) = (first + (2 * pair) + side, first + pair + (side * half));
                    (int target, int source) = to == RopePairing.Interleaved ? (neighbour, apart) : (apart, neighbour);
                    order[target] = source;
                }
            }
        }

        return order;
    }

    /// <summary>A vector with its elements in an order, as float32.</summary>
    public static Tensor Reordered(Tensor vector, int[]? order)
    {
        if (order is null && vector.Format == TensorFormat.F32)
        {
            return vector;
        }

        float[] values = vector.ToFloats();
        return Tensor.Of(order is null ? values : [.. order.Select(source => values[source])], vector.Shape.Last);
    }
}
