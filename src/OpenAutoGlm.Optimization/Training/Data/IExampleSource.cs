using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>Examples that can be asked for in any order, from several threads at once.</summary>
public interface IExampleSource
{
    /// <summary>How many there are; the same in every epoch.</summary>
    int Count { get; }

    /// <summary>What tells this source from another, for the check that a run is resumed with the data it began with.</summary>
    string Identity { get; }

    /// <summary>An example.</summary>
    /// <param name="index">Its number, from 0.</param>
    /// <param name="epoch">The epoch, from 0: a text is cut at other places in each.</param>
    /// <exception cref="InvalidDataException">What stands there is no example; the message names file and line.</exception>
    TrainingExample Read(int index, int epoch);
}

/// <summary>Examples that lie in memory.</summary>
public sealed class ExampleList(string identity, ImmutableArray<TrainingExample> examples) : IExampleSource
{
    /// <inheritdoc/>
    public int Count => examples.Length;

    /// <inheritdoc/>
    public string Identity => identity;

    /// <inheritdoc/>
    public TrainingExample Read(int index, int epoch) => examples[index];
}

/// <summary>Several sources as one.</summary>
public sealed class ExampleSources : IExampleSource
{
    readonly ImmutableArray<IExampleSource> _sources;
    readonly int[] _starts;

    /// <summary>The sources in order.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public ExampleSources(ImmutableArray<IExampleSource> sources)
    {
        _sources = !sources.IsDefaultOrEmpty ? sources : throw new ArgumentException("There is no data to learn from.", nameof(sources));
        _starts = new int[sources.Length + 1];
        for (int i = 0; i < sources.Length; i++)
        {
            _starts[i + 1] = checked(_starts[i] + sources[i].Count);
        }
    }

    /// <inheritdoc/>
    public int Count => _starts[^1];

    /// <inheritdoc/>
    public string Identity => string.Join("; ", _sources.Select(source => source.Identity));

    /// <inheritdoc/>
    public TrainingExample Read(int index, int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        int at = Array.BinarySearch(_starts, index);
        int source = at >= 0 ? at : ~at - 1;

        // Empty sources share their start with the one behind them.
        while (_sources[source].Count == 0)
        {
            source++;
        }

        return _sources[source].Read(index - _starts[source], epoch);
    }
}
