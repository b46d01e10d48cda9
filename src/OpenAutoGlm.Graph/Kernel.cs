using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>
/// Code that computes a node. A kernel is made once, when the plan is, and holds whatever it needs (repacked weights,
/// scratch memory, a worker pool); it then runs with views whose extents are the sizes of this run.
/// </summary>
public abstract class Kernel : IDisposable
{
    /// <summary>What plans print, for example "matmul Q8_0 avx512".</summary>
    public abstract string Name { get; }

    /// <summary>Computes the outputs. Views stand in the order of the node's inputs and outputs.</summary>
    public abstract void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs);

    /// <summary>Whether an output is written where it belongs. One that the kernel hands to its only reader in another form is not: it takes no room in the arena, and nobody else can see it.</summary>
    public virtual bool Keeps(int output) => true;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives back what the kernel holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>The kernel that is an op's own scalar reference.</summary>
public sealed class ReferenceKernel(Op op) : Kernel
{
    /// <inheritdoc/>
    public override string Name => $"{op.Name} reference";

    /// <inheritdoc/>
    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs) => op.Evaluate(inputs, outputs);
}
