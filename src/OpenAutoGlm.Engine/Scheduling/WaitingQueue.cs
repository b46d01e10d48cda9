namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// The sequences that wait for blocks: the most urgent priority first, among its tenants the one that has had least, and
/// of a tenant the oldest sequence. What was preempted keeps its age and so goes on before what never ran.
/// </summary>
sealed class WaitingQueue
{
    readonly SortedDictionary<int, Dictionary<string, LinkedList<Sequence>>> _levels = []; // by priority, then tenant

    internal int Count { get; private set; }

    /// <summary>What each tenant has had.</summary>
    internal FairShare Shares { get; } = new();

    /// <summary>The smallest priority number of those that wait; there must be one.</summary>
    internal int MostUrgent => _levels.First().Key;

    /// <summary>All of them, in no promised order.</summary>
    internal IEnumerable<Sequence> Sequences => _levels.Values.SelectMany(level => level.Values).SelectMany(queue => queue);

    internal void Add(Sequence sequence)
    {
        if (!_levels.TryGetValue(sequence.Request.Priority, out Dictionary<string, LinkedList<Sequence>>? level))
        {
            level = new Dictionary<string, LinkedList<Sequence>>(StringComparer.Ordinal);
            _levels.Add(sequence.Request.Priority, level);
        }

        string tenant = sequence.Request.Tenant ?? "";
        if (!level.TryGetValue(tenant, out LinkedList<Sequence>? queue))
        {
            queue = [];
            level.Add(tenant, queue);
        }

        // New sequences have the largest number and go to the end; those that come back are older than most.
        LinkedListNode<Sequence>? before = queue.Last;
        while (before is not null && before.Value.Id > sequence.Id)
        {
            before = before.Previous;
        }

        if (before is null)
        {
            queue.AddFirst(sequence.QueueNode);
        }
        else
        {
            queue.AddAfter(before, sequence.QueueNode);
        }

        Count++;
    }

    internal void Remove(Sequence sequence)
    {
        LinkedList<Sequence> queue = sequence.QueueNode.List!;
        queue.Remove(sequence.QueueNode);
        Count--;
        if (queue.Count == 0)
        {
            Dictionary<string, LinkedList<Sequence>> level = _levels[sequence.Request.Priority];
            level.Remove(sequence.Request.Tenant ?? "");
            if (level.Count == 0)
            {
                _levels.Remove(sequence.Request.Priority);
            }
        }
    }

    /// <summary>Who comes next, of those whose turn is not passed over; null where nobody is left.</summary>
    /// <param name="passedOver">Sequences to leave out, and with each the younger ones of its tenant and priority.</param>
    internal Sequence? Next(HashSet<Sequence> passedOver)
    {
        foreach (Dictionary<string, LinkedList<Sequence>> level in _levels.Values)
        {
            Sequence? next = null;
            long least = long.MaxValue;
            foreach ((string tenant, LinkedList<Sequence> queue) in level)
            {
                Sequence head = queue.First!.Value;
                long served = Shares.Served(tenant);
                if (!passedOver.Contains(head) && (served < least || (served == least && head.Id < next!.Id)))
                {
                    (next, least) = (head, served);
                }
            }

            if (next is not null)
            {
                return next;
            }
        }

        return null;
    }
}
