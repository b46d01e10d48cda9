using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine.Embeddings;

/// <summary>
/// The model without its output projection, for sequences that are to be embedded: lowered when the first of them comes,
/// over the packed weights and in the key and value memory of the plan that generates. Who never embeds pays nothing.
/// </summary>
/// <param name="lower">Makes the plan.</param>
/// <param name="inputs">What the plan that generates reads and keeps, by name: this one is bound to the same memory.</param>
/// <param name="blocks">Blocks of key and value memory.</param>
sealed class HiddenPlan(Func<Plan> lower, IReadOnlyDictionary<string, Tensor> inputs, int blocks) : IDisposable
{
    Plan? _plan;
    Execution? _execution;
    Value? _hidden; // [tokens, hidden]

    /// <summary>The execution, made when first asked for.</summary>
    internal Execution Execution => _execution ??= Prepare();

    /// <summary>One row of the last run: [hidden].</summary>
    internal ReadOnlySpan<float> Row(int row) => Execution[_hidden!].Row(row);

    public void Dispose()
    {
        _execution?.Dispose();
        _plan?.Dispose();
    }

    Execution Prepare()
    {
        _plan ??= lower();
        _hidden = _plan.Graph.Outputs[0];
        Execution execution = _plan.CreateExecution();
        foreach (Value value in _plan.Graph.Values.Where(value => value.Kind is ValueKind.Input or ValueKind.State))
        {
            execution.Bind(value, inputs[value.Name]);
        }

        execution.SetSize(Dim.KvBlocks, blocks);
        return execution;
    }
}
