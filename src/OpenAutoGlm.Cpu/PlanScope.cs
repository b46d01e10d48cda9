using OpenAutoGlm.Cpu.Kernels.Fused;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.Rope;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

/// <summary>What the kernels of one plan share, because only one of them runs at a time.</summary>
/// <param name="limits">The largest sizes that the plan is ready for.</param>
/// <param name="weights">Weights in the layouts of kernels; they live as long as the plan.</param>
/// <param name="nodes">All that the plan does.</param>
sealed class PlanScope(PlanLimits limits, WeightStore weights, IEnumerable<Node> nodes)
{
    readonly HashSet<Value> _multiplied = [.. nodes.SelectMany(Matrices)];

    readonly Dictionary<(Rope Op, Value Positions, Value? Factors), RopeAngles> _angles = [];

    readonly Dictionary<Value, (HandedRows Rows, Scratch Memory)> _handed = [];
    readonly Stack<Scratch> _free = []; // memory of rows that have been read by now

    /// <summary>The largest sizes that the plan is ready for.</summary>
    internal PlanLimits Limits => limits;

    /// <summary>Weights in the layouts of kernels; they live as long as the plan.</summary>
    internal WeightStore Weights => weights;

    /// <summary>Memory that a kernel uses while it runs and leaves to the next.</summary>
    internal Scratch Scratch { get; } = new();

    /// <summary>Whether a product of the plan has this constant packed, whole.</summary>
    internal bool IsMultiplied(Value constant) => _multiplied.Contains(constant);

    /// <summary>The largest number of rows (all extents but the last) of a type.</summary>
    internal int MostRows(TensorType type)
    {
        int rows = 1;
        for (int i = 0; i < type.Shape.Rank - 1; i++)
        {
            rows = checked(rows * limits.Of(type.Shape[i]));
        }

        return rows;
    }

    /// <summary>The angles that all layers share which rotate by the same rule and the same positions. Factors are constants.</summary>
    internal RopeAngles Angles(Rope op, Value positions, Value? factors)
    {
        if (!_angles.TryGetValue((op, positions, factors), out RopeAngles? angles))
        {
            angles = new RopeAngles(op, limits.Of(positions.Type.Shape[0]));
            _angles.Add((op, positions, factors), angles);
        }

        return angles;
    }

    /// <summary>The product that alone reads rows which are handed over.</summary>
    internal Node ReaderOf(Value rows) => nodes.First(node => node.Inputs.Contains(rows));

    /// <summary>A place for rows on their way to the product that reads them. Kernels are picked in the order in which they run.</summary>
    internal HandedRows HandOver(Value rows, Activations activations)
    {
        Scratch memory = _free.TryPop(out Scratch? free) ? free : new Scratch();
        HandedRows handed = new(activations, memory, MostRows(rows.Type));
        _handed.Add(rows, (handed, memory));
        return handed;
    }

    /// <summary>Where rows are that were handed over; null for others. After the kernel that asks has run, their memory is free: what it hands over itself needs its place before.</summary>
    internal HandedRows? TakeOver(Value rows)
    {
        if (!_handed.Remove(rows, out (HandedRows Rows, Scratch Memory) handed))
        {
            return null;
        }

        _free.Push(handed.Memory);
        return handed.Rows;
    }

    static IEnumerable<Value> Matrices(Node node)
    {
        IEnumerable<int> weights = node.Op switch
        {
            MatMul => [1],
            FusedMatMul fused => Enumerable.Range(0, fused.Parts.Length).Select(i => fused.InputsOf(i).Weight),
            _ => [],
        };
        return weights.Select(i => node.Inputs[i]).Where(value => value.Constant is not null);
    }
}

/// <summary>One piece of memory as large as the largest wish. The wishes come while the plan is made, the memory with the first use.</summary>
sealed unsafe class Scratch : IDisposable
{
    long _bytes;
    NativeMemoryOwner? _memory;

    /// <summary>Makes sure that there will be so much memory.</summary>
    internal void Require(long bytes) => _bytes = Math.Max(_bytes, bytes);

    /// <summary>The first byte, aligned to 64.</summary>
    internal byte* Pointer
    {
        get
        {
            if (_memory is null || _memory.Bytes < _bytes)
            {
                _memory?.Dispose();
                _memory = new NativeMemoryOwner(_bytes);
            }

            return _memory.Pointer;
        }
    }

    /// <summary>Gives the memory back; every kernel that shares it may do so.</summary>
    public void Dispose() => _memory?.Dispose();

    /// <summary>A size rounded up to whole cache lines.</summary>
    internal static long Lines(long bytes) => (bytes + 63) / 64 * 64;
}
