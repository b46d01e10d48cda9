using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// Decides which tokens run in the next step. Older sequences come first, always: single tokens of the running ones,
/// then chunks of prompts, then new sequences while there are places, tokens and blocks. A sequence gets the blocks of
/// all its tokens when it is admitted and one more whenever it has filled them; when there is none, the youngest
/// running sequence gives all of its blocks back and is computed anew later. No threads, no clock, no model.
/// </summary>
/// <remarks>
/// There is always progress: whatever is asked of it fits the pool alone, and everybody gives way to the oldest.
/// </remarks>
sealed class Scheduler(KvPool pool, EngineLimits limits)
{
    readonly List<Sequence> _running = []; // oldest first
    readonly LinkedList<Sequence> _waiting = []; // oldest first: what was preempted is older than what never ran
    readonly Batch _batch = new(limits.MaxSequences);
    int _tokensLeft;
    int _promptLogitsLeft;

    internal int RunningCount => _running.Count;

    internal int WaitingCount => _waiting.Count;

    internal bool HasWork => _running.Count + _waiting.Count > 0;

    internal long Preemptions { get; private set; }

    /// <summary>All sequences that have not ended.</summary>
    internal IEnumerable<Sequence> Sequences => _running.Concat(_waiting);

    /// <summary>Puts a new sequence at the end of the queue.</summary>
    internal void Add(Sequence sequence) => _waiting.AddLast(sequence.QueueNode);

    /// <summary>Forgets a sequence that ended, wherever it stands, and takes its blocks back.</summary>
    internal void Remove(Sequence sequence)
    {
        pool.Release(sequence.Blocks);
        if (sequence.QueueNode.List is not null)
        {
            _waiting.Remove(sequence.QueueNode);
        }
        else
        {
            _running.Remove(sequence);
        }
    }

    /// <summary>The next step's tokens, with blocks for all of them. Empty only where there is no work.</summary>
    internal Batch Schedule()
    {
        _batch.Clear();
        _tokensLeft = limits.MaxTokens;
        _promptLogitsLeft = limits.MaxPromptLogits;
        long preemptionsBefore = Preemptions;
        for (int i = 0; i < _running.Count && _tokensLeft > 0; i++)
        {
            Sequence sequence = _running[i];
            if (sequence.Pending == 1 && GrowOrGiveWay(sequence))
            {
                Take(sequence);
            }
        }

        for (int i = 0; i < _running.Count && _tokensLeft > 0; i++)
        {
            if (_running[i].Pending > 1)
            {
                Take(_running[i]);
            }
        }

        // Blocks that somebody was just driven out for are not handed to the next in the queue.
        while (Preemptions == preemptionsBefore && _tokensLeft > 0 && TryAdmit() is { } admitted)
        {
            Take(admitted);
        }

        return _batch;
    }

    /// <summary>Notes that the tokens of an entry have run.</summary>
    internal static void Commit(in BatchEntry entry) => entry.Sequence.Computed = entry.Start + entry.Count;

    /// <summary>Checks the pool's books, the order of both lists and what each sequence holds.</summary>
    /// <exception cref="InvalidOperationException">Something does not agree.</exception>
    internal void CheckInvariants()
    {
        pool.CheckInvariants(Sequences.Select(sequence => sequence.Blocks));
        Require(_running.Count <= limits.MaxSequences, $"{_running.Count} sequences run, but at most {limits.MaxSequences} may");
        long previous = long.MinValue;
        foreach (Sequence sequence in Sequences)
        {
            Require(sequence.Id > previous, $"sequence {sequence.Id} stands behind {previous}");
            previous = sequence.Id;
            int places = sequence.Blocks.Count * pool.BlockTokens;
            Require(sequence.Computed <= places, $"sequence {sequence.Id} has {sequence.Computed} tokens in {places} places");
            Require(sequence.QueueNode.List is null || (places == 0 && sequence.Computed == 0), $"sequence {sequence.Id} waits, but holds {places} places");
            Require(sequence.Pending > 0, $"sequence {sequence.Id} has nothing to run");
        }

        static void Require(bool holds, string otherwise)
        {
            if (!holds)
            {
                throw new InvalidOperationException($"Scheduler: {otherwise}.");
            }
        }
    }

    void Take(Sequence sequence)
    {
        int count = Math.Min(sequence.Pending, _tokensLeft);
        int outputs = count == sequence.Pending ? 1 : 0;
        if (sequence.WantsAllLogits)
        {
            outputs = count = Math.Min(count, _promptLogitsLeft);
            _promptLogitsLeft -= count;
        }

        if (count > 0)
        {
            _batch.Add(sequence, sequence.Computed, count, outputs);
            _tokensLeft -= count;
        }
    }

    /// <summary>Finds blocks for all tokens of a running sequence; false where it had to go itself.</summary>
    bool GrowOrGiveWay(Sequence sequence)
    {
        while (!pool.TryGrow(sequence.Blocks, sequence.Tokens.Count))
        {
            // Single tokens are taken oldest first, so the youngest is not in the batch yet.
            Sequence youngest = _running[^1];
            Preempt(youngest);
            if (youngest == sequence)
            {
                return false;
            }
        }

        return true;
    }

    void Preempt(Sequence sequence)
    {
        Preemptions++;
        pool.Release(sequence.Blocks);
        sequence.Computed = 0;
        _running.Remove(sequence);
        _waiting.AddFirst(sequence.QueueNode);
    }

    Sequence? TryAdmit()
    {
        if (_waiting.First is not { } first || _running.Count == limits.MaxSequences)
        {
            return null;
        }

        // One block is left for each that runs already, or the newcomer would soon be driven out again.
        Sequence sequence = first.Value;
        if (pool.BlocksFor(sequence.Tokens.Count) + _running.Count > pool.FreeCount)
        {
            return null;
        }

        pool.TryGrow(sequence.Blocks, sequence.Tokens.Count);
        _waiting.Remove(first);
        _running.Add(sequence);
        return sequence;
    }
}
