using System.Runtime.InteropServices;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// Decides which tokens run in the next step. There are no phases: single tokens of those that write come first (with what
/// is guessed behind them), then chunks of prompts, then newcomers, while there are tokens, places and blocks. A sequence
/// gets the blocks of all its tokens when it is admitted, less what the memory already knows, and one more whenever it has
/// filled them; when there is none, the last in order gives all of its blocks back and goes on later. No threads, no clock, no model.
/// </summary>
/// <remarks>
/// The order of what runs is priority, then age. There is always progress: whatever is asked of the scheduler fits the
/// memory alone, and everybody gives way to the first. What a preempted sequence computed stays in the memory's cache
/// until somebody needs the blocks, so that coming back is free at best and computing anew at worst.
/// </remarks>
sealed class Scheduler(KvMemory memory, EngineLimits limits, StepBudget budget)
{
    readonly List<Sequence> _running = []; // in order of priority and age
    readonly WaitingQueue _waiting = new();
    readonly Batch _batch = new(limits.MaxSequences);
    readonly HashSet<Sequence> _passedOver = [];
    readonly HashSet<Sequence> _held = []; // branches of beam searches that have nothing to do until the others have come as far
    int _tokensLeft;
    int _promptTokensLeft;
    int _extraLogitsLeft;

    internal int RunningCount => _running.Count;

    internal int WaitingCount => _waiting.Count;

    internal bool HasWork => _running.Count + _waiting.Count > 0;

    internal long Preemptions { get; private set; }

    /// <summary>Those that hold blocks, in order.</summary>
    internal ReadOnlySpan<Sequence> Running => CollectionsMarshal.AsSpan(_running);

    /// <summary>All sequences that have not ended.</summary>
    internal IEnumerable<Sequence> Sequences => _running.Concat(_waiting.Sequences).Concat(_held);

    /// <summary>Takes a new sequence in.</summary>
    internal void Add(Sequence sequence)
    {
        _waiting.Shares.Enter(sequence.Request.Tenant);
        _waiting.Add(sequence);
    }

    /// <summary>Takes a new sequence in that has nothing to do yet: a branch of a beam search.</summary>
    internal void AddHeld(Sequence sequence)
    {
        _waiting.Shares.Enter(sequence.Request.Tenant);
        _held.Add(sequence);
    }

    /// <summary>Forgets a sequence that ended, wherever it stands, and takes its blocks back.</summary>
    internal void Remove(Sequence sequence)
    {
        TakeOut(sequence);
        _waiting.Shares.Leave(sequence.Request.Tenant);
    }

    /// <summary>Puts a branch aside, without its blocks.</summary>
    internal void Hold(Sequence sequence)
    {
        TakeOut(sequence);
        _held.Add(sequence);
    }

    /// <summary>Lets a branch go on that may have been put aside.</summary>
    internal void Unhold(Sequence sequence)
    {
        if (_held.Remove(sequence))
        {
            _waiting.Add(sequence);
        }
    }

    /// <summary>Lets a branch that was put aside go on from where another stands, whose tokens it has: with its blocks where that is possible.</summary>
    internal void ForkOrWait(Sequence from, Sequence held)
    {
        Unhold(held);
        if (from.Computed == held.Tokens.Count)
        {
            TryFork(from, held);
        }
    }

    /// <summary>The next step's tokens, with blocks for all of them. Empty only where there is no work.</summary>
    internal Batch Schedule()
    {
        _batch.Clear();
        _tokensLeft = limits.MaxTokens;
        _extraLogitsLeft = limits.MaxExtraLogits;
        MakeWay();
        long preemptionsBefore = Preemptions;
        int decoding = 0;
        for (int i = 0; i < _running.Count && _tokensLeft > 0; i++)
        {
            Sequence sequence = _running[i];
            if (sequence.Pending == 1 && !sequence.IsReadOnly && GrowOrGiveWay(sequence))
            {
                TakeNext(sequence);
                decoding++;
            }
        }

        _promptTokensLeft = Math.Min(_tokensLeft, budget.PromptTokensBeside(decoding));
        for (int i = 0; i < _running.Count && _promptTokensLeft > 0; i++)
        {
            if (_running[i].Pending > 1 || _running[i].IsReadOnly)
            {
                TakeChunk(_running[i]);
            }
        }

        // Blocks that somebody was just driven out for are not handed to the next in the queue.
        if (Preemptions == preemptionsBefore)
        {
            Admit();
        }

        // Branches that wait for one another may hold what the last of them needs.
        while (_batch.Tokens == 0 && _waiting.Count > 0 && _running.Count > 0)
        {
            Preempt(_running[^1]);
            Admit();
        }

        return _batch;
    }

    /// <summary>Notes what a sequence has in memory by now, offers it to others and lets go of what it will not see again.</summary>
    internal void Commit(Sequence sequence, int computed, int generated)
    {
        _waiting.Shares.Charge(sequence.Request.Tenant, Math.Max(0, computed - sequence.Computed - generated), generated);
        sequence.Computed = computed;
        memory.Keep(sequence.Blocks, CollectionsMarshal.AsSpan(sequence.Tokens)[..computed], sequence.Request.Scope);
        if (limits.Window > 0 && computed > limits.Window)
        {
            memory.Forget(sequence.Blocks, computed - limits.Window + 1);
        }
    }

    /// <summary>
    /// Lets a waiting sequence go on from where another stands, whose blocks it shares from now on; false where there is no place.
    /// </summary>
    internal bool TryFork(Sequence from, Sequence waiting)
    {
        if (waiting.QueueNode.List is null || _running.Count == limits.MaxSequences || memory.AvailableCount <= _running.Count)
        {
            return false;
        }

        memory.Share(from.Blocks, waiting.Blocks);
        waiting.Computed = from.Computed;
        waiting.Cached ??= from.Computed;
        _waiting.Remove(waiting);
        Insert(waiting);
        return true;
    }

    /// <summary>Checks the memory's books, the order of those that run and what each sequence holds.</summary>
    /// <exception cref="InvalidOperationException">Something does not agree.</exception>
    internal void CheckInvariants()
    {
        memory.CheckInvariants(Sequences.Select(sequence => sequence.Blocks));
        Require(_running.Count <= limits.MaxSequences, $"{_running.Count} sequences run, but at most {limits.MaxSequences} may");
        for (int i = 1; i < _running.Count; i++)
        {
            Require(Precedes(_running[i - 1], _running[i]), $"sequence {_running[i].Id} stands behind {_running[i - 1].Id}");
        }

        int waiting = 0;
        foreach (Sequence sequence in Sequences)
        {
            bool waits = sequence.QueueNode.List is not null;
            waiting += waits ? 1 : 0;
            waits |= _held.Contains(sequence);
            int places = sequence.Blocks.Count * memory.BlockTokens;
            Require(!sequence.HasEnded, $"sequence {sequence.Id} has ended, but is still here");
            Require(sequence.Computed <= places, $"sequence {sequence.Id} has {sequence.Computed} tokens in {places} places");
            Require(!waits || (places == 0 && sequence.Computed == 0), $"sequence {sequence.Id} waits, but holds {places} places");
            Require(sequence.Pending > 0 || sequence.Beam is not null, $"sequence {sequence.Id} has nothing to run");
        }

        Require(waiting == _waiting.Count, $"{waiting} sequences wait, but {_waiting.Count} are counted");

        static void Require(bool holds, string otherwise)
        {
            if (!holds)
            {
                throw new InvalidOperationException($"Scheduler: {otherwise}.");
            }
        }
    }

    static bool Precedes(Sequence first, Sequence second) =>
        first.Request.Priority < second.Request.Priority || (first.Request.Priority == second.Request.Priority && first.Id < second.Id);

    /// <summary>Drives out who is less urgent than the next in the queue, while that lacks a place or blocks.</summary>
    void MakeWay()
    {
        if (_waiting.Count == 0 || _running.Count == 0 || _running[^1].Request.Priority <= _waiting.MostUrgent)
        {
            return;
        }

        _passedOver.Clear();
        Sequence next = _waiting.Next(_passedOver)!;
        while (_running.Count > 0 && _running[^1].Request.Priority > next.Request.Priority
            && (_running.Count == limits.MaxSequences || memory.BlocksFor(next.Tokens.Count) + _running.Count > memory.AvailableCount))
        {
            Preempt(_running[^1]);
        }
    }

    void Insert(Sequence sequence)
    {
        int at = _running.Count;
        while (at > 0 && Precedes(sequence, _running[at - 1]))
        {
            at--;
        }

        _running.Insert(at, sequence);
    }

    void TakeNext(Sequence sequence)
    {
        int drafts = Math.Min(sequence.Drafts.Count, Math.Min(_extraLogitsLeft, _tokensLeft - 1));
        if (drafts > 0 && !memory.TryGrow(sequence.Blocks, sequence.Tokens.Count + drafts))
        {
            drafts = 0;
        }

        // Guesses that there is no room for are forgotten: what is checked is what runs.
        sequence.Drafts.RemoveRange(drafts, sequence.Drafts.Count - drafts);
        _batch.Add(sequence, sequence.Computed, 1 + drafts, 1 + drafts);
        _tokensLeft -= 1 + drafts;
        _extraLogitsLeft -= drafts;
    }

    void TakeChunk(Sequence sequence)
    {
        int count = Math.Min(sequence.Pending, _promptTokensLeft);
        int outputs = count == sequence.Pending && sequence.Embedding is null ? 1 : 0;
        if (sequence.WantsAllLogits)
        {
            outputs = count = Math.Min(count, _extraLogitsLeft);
            _extraLogitsLeft -= count;
        }

        if (count > 0)
        {
            _batch.Add(sequence, sequence.Computed, count, outputs);
            _tokensLeft -= count;
            _promptTokensLeft -= count;
        }
    }

    /// <summary>Finds blocks for all tokens of a running sequence that nobody else writes to; false where it had to go itself.</summary>
    bool GrowOrGiveWay(Sequence sequence)
    {
        while (!memory.TryGrow(sequence.Blocks, sequence.Tokens.Count) || !memory.TryOwn(sequence.Blocks, sequence.Computed))
        {
            // Single tokens are taken in order, so the last is not in the batch yet.
            Sequence last = _running[^1];
            Preempt(last);
            if (last == sequence)
            {
                return false;
            }
        }

        return true;
    }

    void Preempt(Sequence sequence)
    {
        Preemptions++;
        memory.Release(sequence.Blocks);
        sequence.Computed = 0;
        sequence.Drafts.Clear();
        _running.Remove(sequence);
        if (sequence.Beam?.HasArrived(sequence) == true)
        {
            _held.Add(sequence);
        }
        else
        {
            _waiting.Add(sequence);
        }
    }

    void TakeOut(Sequence sequence)
    {
        memory.Release(sequence.Blocks);
        sequence.Computed = 0;
        if (sequence.QueueNode.List is not null)
        {
            _waiting.Remove(sequence);
        }
        else if (!_held.Remove(sequence))
        {
            _running.Remove(sequence);
        }
    }

    void Admit()
    {
        if (_waiting.Count == 0)
        {
            return;
        }

        _passedOver.Clear();
        while (_promptTokensLeft > 0 && _running.Count < limits.MaxSequences && budget.AllowsOneMore(_running.Count)
            && _waiting.Next(_passedOver) is { } next)
        {
            switch (TryAdmit(next))
            {
                case Admission.Admitted:
                    TakeChunk(next);
                    break;
                case Admission.Later:
                    _passedOver.Add(next);
                    break;
                default:
                    // It comes first and does not fit: who would fit behind it waits, or large requests would wait for ever.
                    return;
            }
        }
    }

    Admission TryAdmit(Sequence sequence)
    {
        ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(sequence.Tokens);
        int known = sequence.WantsEveryToken ? 0 : memory.Attach(sequence.Blocks, tokens, sequence.Request.Scope);
        if (IsBeingComputed(sequence, known))
        {
            memory.Release(sequence.Blocks);
            return Admission.Later;
        }

        // One block is left for each that runs already, or the newcomer would soon be driven out again.
        int missing = memory.BlocksFor(tokens.Length) - sequence.Blocks.Count;
        if (missing + _running.Count > memory.AvailableCount)
        {
            memory.Release(sequence.Blocks);
            return Admission.NoRoom;
        }

        if (!memory.TryGrow(sequence.Blocks, tokens.Length))
        {
            throw new InvalidOperationException($"{memory.AvailableCount} blocks are available, but {missing} cannot be had.");
        }

        sequence.Computed = known;
        sequence.Cached ??= known;
        _waiting.Remove(sequence);
        Insert(sequence);
        return Admission.Admitted;
    }

    /// <summary>Whether somebody is just computing more of a newcomer's prompt than is known: then it is found when that is done, and computed once.</summary>
    bool IsBeingComputed(Sequence newcomer, int known)
    {
        if (newcomer.WantsEveryToken)
        {
            return false;
        }

        ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(newcomer.Tokens);
        foreach (Sequence running in Running)
        {
            if (running.GeneratedCount == 0 && running.Siblings is { } siblings && siblings.Contains(newcomer))
            {
                // Another sample of the same prompt, which serves this one as soon as it has read it.
                return true;
            }

            if (memory.Reuses
                && running.Pending > 1
                && running.Request.Retention != CacheRetention.None
                && string.Equals(running.Request.CacheSalt, newcomer.Request.CacheSalt, StringComparison.Ordinal))
            {
                int common = tokens[..^1].CommonPrefixLength(CollectionsMarshal.AsSpan(running.Tokens));
                common -= common % memory.BlockTokens;
                if (common > Math.Max(known, running.Computed))
                {
                    return true;
                }
            }
        }

        return false;
    }

    enum Admission
    {
        Admitted,
        Later,
        NoRoom,
    }
}
