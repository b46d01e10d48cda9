using System.Collections.Frozen;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>
/// Compiles constraints for one model's vocabulary and keeps the last ones, so that requests with the same schema share its
/// work. The vocabulary is prepared when it is first needed. Safe for use from many threads.
/// </summary>
public sealed class ConstraintCache
{
    /// <summary>Longest time for compiling one constraint.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    readonly int _capacity;
    readonly Lazy<ConstraintVocabulary> _vocabulary;
    readonly Lock _lock = new();
    readonly Dictionary<OutputConstraint, LinkedListNode<CompiledConstraint>> _known = [];
    readonly LinkedList<CompiledConstraint> _byUse = new(); // the last used first

    /// <summary>A cache for a model.</summary>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="endTokens">Tokens that end an answer, beside the tokenizer's own.</param>
    /// <param name="capacity">How many constraints are kept.</param>
    public ConstraintCache(Tokenizer tokenizer, IEnumerable<int>? endTokens = null, int capacity = 32)
        : this(tokenizer, endTokens, FrozenSet<int>.Empty, capacity)
    {
    }

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="endTokens">Tokens that end an answer.</param>
    /// <param name="marks">Special tokens that are text by their names.</param>
    /// <param name="capacity">How many constraints are kept.</param>
    internal ConstraintCache(Tokenizer tokenizer, IEnumerable<int>? endTokens, IReadOnlySet<int> marks, int capacity = 32)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        int[] ends = [.. endTokens ?? []];
        _capacity = capacity;
        _vocabulary = new Lazy<ConstraintVocabulary>(() => ConstraintVocabulary.Of(tokenizer, ends, marks));
    }

    internal ConstraintCache(ConstraintVocabulary vocabulary, int capacity = 32) =>
        (_capacity, _vocabulary) = (capacity, new Lazy<ConstraintVocabulary>(vocabulary));

    /// <summary>How many constraints are kept now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _known.Count;
            }
        }
    }

    /// <summary>Prepares the vocabulary now (some hundred milliseconds for 150,000 tokens), so that no request waits for it.</summary>
    public void Prepare() => _ = _vocabulary.Value;

    /// <summary>The compiled constraint, made now or found.</summary>
    /// <exception cref="ConstraintException">It cannot be honoured exactly, or takes longer than <see cref="TimeLimit"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public CompiledConstraint Compile(OutputConstraint constraint, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(constraint);
        lock (_lock)
        {
            if (_known.TryGetValue(constraint, out LinkedListNode<CompiledConstraint>? node))
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
                return node.Value;
            }
        }

        CompiledConstraint compiled = CompileNow(constraint, cancellation);
        lock (_lock)
        {
            if (_known.TryGetValue(constraint, out LinkedListNode<CompiledConstraint>? other))
            {
                return other.Value; // Another thread was faster.
            }

            _known.Add(constraint, _byUse.AddFirst(compiled));
            if (_known.Count > _capacity)
            {
                _known.Remove(_byUse.Last!.Value.Constraint);
                _byUse.RemoveLast();
            }
        }

        return compiled;
    }

    CompiledConstraint CompileNow(OutputConstraint constraint, CancellationToken cancellation)
    {
        using CancellationTokenSource limited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limited.CancelAfter(TimeLimit);
        try
        {
            return new CompiledConstraint(constraint, _vocabulary.Value, limited.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw ConstraintException.Whole(constraint.Kind, $"compiling takes longer than {TimeLimit.TotalSeconds} seconds.", "Simplify it.");
        }
        catch (InsufficientExecutionStackException)
        {
            throw ConstraintException.Whole(constraint.Kind, "it is nested too deeply.", "Flatten it.");
        }
    }
}
