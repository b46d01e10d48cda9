using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu;

/// <summary>Picks a kernel for a node: by op, by the format of the weight, by instruction set.</summary>
abstract class KernelCatalog
{
    /// <summary>The catalog of one instruction set.</summary>
    internal static KernelCatalog For(InstructionSet set, WorkerPool pool, bool exactArithmetic) => new Fallback();

    /// <summary>A new kernel for the node.</summary>
    internal abstract Kernel Pick(Node node, PlanScope scope);

    sealed class Fallback : KernelCatalog
    {
        internal override Kernel Pick(Node node, PlanScope scope) => new ReferenceKernel(node.Op);
    }
}
