using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Experts;

/// <summary>
/// The pairs of token and expert of a pass, sorted by expert, so that the weights of an expert are read once for all its
/// tokens. Pairs of one expert keep their order.
/// </summary>
sealed unsafe class ExpertPairs(int experts, int used, int mostTokens, bool rowForEach) : IDisposable
{
    readonly NativeMemoryOwner _lists = new(2L * mostTokens * used * sizeof(int));
    readonly int[] _starts = new int[experts + 1];
    readonly int[] _active = new int[experts];

    int* XRows => (int*)_lists.Pointer;

    int* YRows => XRows + (mostTokens * used);

    /// <summary>Experts with at least one pair.</summary>
    internal int Active { get; private set; }

    /// <summary>The expert that is the i-th of those with pairs.</summary>
    internal int Expert(int i) => _active[i];

    /// <summary>The pairs of an expert: rows of activations, and numbers of pairs for their results.</summary>
    internal RowList Rows(int expert) => new((nint)(XRows + _starts[expert]), (nint)(YRows + _starts[expert]), _starts[expert + 1] - _starts[expert]);

    /// <summary>Sorts the choices of so many tokens. An expert that is not there is a fault of the caller.</summary>
    internal void Sort(int* chosen, int tokens)
    {
        int pairs = tokens * used;
        Array.Clear(_starts);
        for (int pair = 0; pair < pairs; pair++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)chosen[pair], (uint)experts, nameof(chosen));
            _starts[chosen[pair]]++;
        }

        Active = 0;
        int sum = 0;
        for (int expert = 0; expert < experts; expert++)
        {
            int count = _starts[expert];
            if (count > 0)
            {
                _active[Active++] = expert;
            }

            _starts[expert] = sum;
            sum += count;
        }

        // Starts move to the ends of their experts while the pairs are placed, and then back by one expert.
        for (int pair = 0; pair < pairs; pair++)
        {
            int place = _starts[chosen[pair]]++;
            XRows[place] = rowForEach ? pair : pair / used;
            YRows[place] = pair;
        }

        for (int expert = experts; expert > 0; expert--)
        {
            _starts[expert] = _starts[expert - 1];
        }

        _starts[0] = 0;
    }

    public void Dispose() => _lists.Dispose();
}
