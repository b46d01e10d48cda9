using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// An operation on tensors: what comes out of given shapes, and what the numbers are. An op is a value: two ops with
/// equal attributes are equal. Evaluating it is the definition that every kernel is held against; sums run in float64.
/// </summary>
public abstract record Op
{
    /// <summary>The name that plans and reports print.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>The input whose memory output 0 reuses unchanged or updates in place; null when the output is new memory.</summary>
    public virtual int? Alias => null;

    /// <summary>Whether running the op takes a kernel; a reshape is only another view of the same memory.</summary>
    public virtual bool Launches => true;

    /// <summary>The input whose memory an output reuses unchanged or updates in place; null when the output is new memory.</summary>
    public virtual int? AliasOf(int output) => output == 0 ? Alias : null;

    /// <summary>
    /// Whether an output may be put where an input of the same type lies that nobody reads afterwards: each of its
    /// elements is written when that element of the input, and whatever else of its row is needed, has been read.
    /// </summary>
    public virtual bool MayOverwrite(int output, int input) => false;

    /// <summary>The shape rule.</summary>
    /// <exception cref="GraphException">The inputs do not fit; the message names the op and the types.</exception>
    public abstract ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs);

    /// <summary>The scalar reference. Inputs may be in any format where the op takes weights, else float32 or int32.</summary>
    public abstract void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs);

    /// <summary>An op prints as its attributes; what it is called and which memory it reuses follow from its type.</summary>
    protected virtual bool PrintMembers(StringBuilder builder) => false;

    /// <summary>Refuses the inputs unless the condition holds.</summary>
    protected void Require(bool condition, ReadOnlySpan<TensorType> inputs, string rule)
    {
        if (!condition)
        {
            throw new GraphException($"{this}: {rule}; got {string.Join(", ", inputs.ToArray())}.");
        }
    }

    /// <summary>Refuses any other number of inputs.</summary>
    protected void RequireCount(int count, ReadOnlySpan<TensorType> inputs) =>
        Require(inputs.Length == count, inputs, $"needs {count} inputs");

    /// <summary>Refuses inputs that are not float32.</summary>
    protected void RequireF32(ReadOnlySpan<TensorType> inputs, params ReadOnlySpan<int> indices)
    {
        foreach (int index in indices)
        {
            Require(inputs[index].Format == TensorFormat.F32, inputs, $"input {index} must be F32");
        }
    }
}
