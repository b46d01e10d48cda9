namespace OpenAutoGlm.Graph.Passes;

/// <summary>A graph after a pass, and how often the pass found what it looks for.</summary>
public readonly record struct PassResult(ModelGraph Graph, int Fired);

/// <summary>
/// A rewriting of graphs that keeps what they compute: the outputs, and what is written into states. Names of inputs,
/// states and outputs stay.
/// </summary>
public interface IGraphPass
{
    /// <summary>The name by which it is switched off, for example "norm-prologue".</summary>
    string Name { get; }

    /// <summary>What it does, in a sentence.</summary>
    string Description { get; }

    /// <summary>The rewritten graph; the same one where there was nothing to do.</summary>
    PassResult Apply(ModelGraph graph);
}
