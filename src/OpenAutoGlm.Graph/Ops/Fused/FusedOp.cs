using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Fused;

/// <summary>
/// An op that stands for several, so that one kernel can do them without leaving its rows to memory in between. Its
/// shape rule and its reference are those of the ops that it replaces, one after another, so it cannot mean anything
/// else than they do.
/// </summary>
public abstract record FusedOp : Op
{
    /// <summary>The ops that this one replaces.</summary>
    /// <exception cref="GraphException">The inputs do not fit.</exception>
    public Composition Composed(ReadOnlySpan<TensorType> inputs)
    {
        Composition composition = new(this, inputs);
        Compose(composition);
        composition.Finish();
        return composition;
    }

    /// <inheritdoc/>
    public sealed override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Composition composition = Composed(inputs);
        return [.. composition.Outputs.Select(place => composition.Types[place])];
    }

    /// <inheritdoc/>
    public sealed override unsafe void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorType[] types = new TensorType[inputs.Length];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = TypeOf(inputs[i]);
        }

        Composition composition = Composed(types);
        TensorView[] places = new TensorView[composition.Types.Count];
        inputs.CopyTo(places);
        List<NativeMemoryOwner> between = [];
        foreach (ComposedStep step in composition.Steps)
        {
            for (int i = 0; i < step.Outputs.Length; i++)
            {
                TensorType type = composition.Types[step.Outputs[i]];
                int output = composition.Outputs.ToList().IndexOf(step.Outputs[i]);
                if (step.Op.AliasOf(i) is { } alias)
                {
                    places[step.Outputs[i]] = View(type, places[step.Inputs[alias]].Data);
                }
                else if (output >= 0)
                {
                    places[step.Outputs[i]] = outputs[output];
                }
                else
                {
                    between.Add(new NativeMemoryOwner(Tensor.BytesOf(type)));
                    places[step.Outputs[i]] = View(type, between[^1].Pointer);
                }
            }

            step.Op.Evaluate([.. step.Inputs.Select(place => places[place])], [.. step.Outputs.Select(place => places[place])]);
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            TensorView made = places[composition.Outputs[i]];
            if (made.Data != outputs[i].Data)
            {
                long bytes = made.RowCount * made.RowBytes;
                Buffer.MemoryCopy(made.Data, outputs[i].Data, bytes, bytes);
            }
        }

        foreach (NativeMemoryOwner memory in between)
        {
            memory.Dispose();
        }
    }

    /// <summary>Takes the inputs in order, applies the ops, names the outputs.</summary>
    internal abstract void Compose(Composition whole);

    static TensorType TypeOf(TensorView view)
    {
        Span<Dim> dims = new Dim[view.Rank];
        for (int i = 0; i < dims.Length; i++)
        {
            dims[i] = view[i];
        }

        return new TensorType(new Shape(dims), view.Format);
    }

    static unsafe TensorView View(TensorType type, byte* data)
    {
        Span<int> extents = stackalloc int[Shape.MaxRank];
        for (int i = 0; i < type.Shape.Rank; i++)
        {
            extents[i] = type.Shape[i].Size;
        }

        return new TensorView(type.Format, data, extents[..type.Shape.Rank]);
    }
}
