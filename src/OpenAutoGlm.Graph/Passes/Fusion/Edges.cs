using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>Products found in a graph, and ops put on their edges.</summary>
static class Edges
{
    /// <summary>The value is the result of one part of a product, fused or not, with a constant weight.</summary>
    internal static bool IsProduct(this GraphEdit edit, Value value, [NotNullWhen(true)] out Node? node, out FusedMatMul op, out int part)
    {
        node = edit.Producer(value);
        op = node is null ? Single : AsFused(node) ?? Single;
        part = node is null ? -1 : node.Outputs.IndexOf(value) - op.PrologueOutputs;
        return node?.Op is MatMul or FusedMatMul && op.Gate is null && part >= 0 && node.Inputs[op.InputsOf(part).Weight].Kind == ValueKind.Weight;
    }

    /// <summary>
    /// As <see cref="IsProduct"/>, through a reshape into heads if there is one; nobody but <paramref name="user"/> reads
    /// the value.
    /// </summary>
    internal static bool IsHeads(this GraphEdit edit, Value value, Node user, [NotNullWhen(true)] out Node? node, out FusedMatMul op, out int part, out ImmutableArray<Node> between)
    {
        between = [];
        (node, op, part) = (null, Single, -1);
        if (!ReferenceEquals(edit.OnlyUser(value), user) || value.Type.Shape.Rank != 3 || !value.Type.Shape[1].IsConstant || !value.Type.Shape[2].IsConstant)
        {
            return false;
        }

        if (edit.Producer(value) is { Op: Reshape } reshape)
        {
            Value rows = reshape.Inputs[0];
            between = [reshape];
            return rows.Type.Shape.Rank == 2
                && rows.Type.Shape[0] == value.Type.Shape[0]
                && ReferenceEquals(edit.OnlyUser(rows), reshape)
                && edit.IsProduct(rows, out node, out op, out part)
                && op.Parts[part].Plain;
        }

        return edit.IsProduct(value, out node, out op, out part) && op.Parts[part].HeadDim > 0;
    }

    /// <summary>The op of a node as a fused product; null if it is none.</summary>
    internal static FusedMatMul? AsFused(Node node) => node.Op switch
    {
        MatMul => Single,
        FusedMatMul fused => fused,
        _ => null,
    };

    /// <summary>A product with one weight and nothing around it.</summary>
    internal static FusedMatMul Single { get; } = new(null, [new Projection()]);

    /// <summary>
    /// Puts one more op on the edge of a part: its node and those in between go, its inputs stand behind the part's, its
    /// result takes the place of the part's.
    /// </summary>
    internal static void Extend(this GraphEdit edit, Node product, int part, Projection projection, ImmutableArray<Value> more, ImmutableArray<Node> absorbed)
    {
        FusedMatMul op = AsFused(product)!;
        edit.Replace(
            [product, .. absorbed],
            new Node(
                op with { Parts = op.Parts.SetItem(part, projection) },
                product.Inputs.InsertRange(op.InputsOf(part).End, more),
                product.Outputs.SetItem(op.PrologueOutputs + part, absorbed[^1].Outputs[0])));
    }

    /// <summary>Makes one product of several over the same rows.</summary>
    internal static void Merge(this GraphEdit edit, ImmutableArray<Node> products) => edit.Replace(
        products.AsSpan(),
        new Node(
            new FusedMatMul(null, [.. products.Select(_ => new Projection())]),
            [products[0].Inputs[0], .. products.Select(product => product.Inputs[1])],
            [.. products.Select(product => product.Outputs[0])]));

    /// <summary>
    /// Whether the value is there before any node runs, so that reading it elsewhere brings no order with it.
    /// </summary>
    internal static bool IsGiven(this Value value) => value.Kind is ValueKind.Input or ValueKind.Weight;

    /// <summary>The value behind a bias, if one is added that is given, else the value itself.</summary>
    internal static Value BeforeBias(this GraphEdit edit, Value value) =>
        edit.Producer(value) is { Op: Add } add && add.Inputs[1].IsGiven() && add.Inputs[1].Type.Shape.Rank == 1 && value.Type.Shape.Rank == 2 ? add.Inputs[0] : value;
}
