using System.Text.Json;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>
/// Responses that may be asked for again, in memory: bounded in number, bytes and age. The least recently used goes first.
/// Whoever asks sees what is theirs only. Every response holds all that led to it, so that none depends on another.
/// </summary>
/// <param name="capacity">Most responses.</param>
/// <param name="byteCapacity">Most bytes of JSON, counted in full for every response.</param>
/// <param name="lifetime">How long one is kept after it was made.</param>
/// <param name="time">The clock.</param>
sealed class ResponseStore(int capacity, long byteCapacity, TimeSpan lifetime, TimeProvider time)
{
    readonly Lock _lock = new();
    readonly Dictionary<(string Owner, string Id), Entry> _entries = [];
    readonly Dictionary<(string Owner, string Id), Entry> _items = []; // the latest response that has an item
    readonly LinkedList<Entry> _byUse = []; // the most recently used first
    readonly LinkedList<Entry> _byAge = []; // the oldest first
    long _bytes;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    public long Bytes
    {
        get
        {
            lock (_lock)
            {
                return _bytes;
            }
        }
    }

    /// <summary>Keeps a response; one that is larger than the store is not kept.</summary>
    public void Add(string owner, StoredResponse response)
    {
        lock (_lock)
        {
            Sweep();
            if (response.Bytes > byteCapacity)
            {
                return;
            }

            while (_entries.Count >= capacity || _bytes + response.Bytes > byteCapacity)
            {
                Drop(_byUse.Last!.Value);
            }

            Entry entry = new(owner, response, time.GetUtcNow() + lifetime);
            _entries.Add((owner, response.Id), entry);
            _byUse.AddFirst(entry.ByUse);
            _byAge.AddLast(entry.ByAge);
            _bytes += response.Bytes;
            foreach (string id in response.ItemIds)
            {
                _items[(owner, id)] = entry;
            }
        }
    }

    /// <summary>A response of this owner; null where there is none, or no longer.</summary>
    public StoredResponse? Find(string owner, string id)
    {
        lock (_lock)
        {
            Sweep();
            return _entries.TryGetValue((owner, id), out Entry? entry) ? Use(entry).Response : null;
        }
    }

    /// <summary>An item of a response of this owner, by its id; null where there is none, or no longer.</summary>
    public JsonElement? FindItem(string owner, string id)
    {
        lock (_lock)
        {
            Sweep();
            return _items.TryGetValue((owner, id), out Entry? entry)
                ? Use(entry).Response.Items.Last(item => StoredResponse.IdOf(item) == id)
                : null;
        }
    }

    /// <summary>Forgets a response; false where there was none.</summary>
    public bool Remove(string owner, string id)
    {
        lock (_lock)
        {
            Sweep();
            bool found = _entries.TryGetValue((owner, id), out Entry? entry);
            if (found)
            {
                Drop(entry!);
            }

            return found;
        }
    }

    Entry Use(Entry entry)
    {
        _byUse.Remove(entry.ByUse);
        _byUse.AddFirst(entry.ByUse);
        return entry;
    }

    void Sweep()
    {
        DateTimeOffset now = time.GetUtcNow();
        while (_byAge.First?.Value is { } oldest && oldest.Ends <= now)
        {
            Drop(oldest);
        }
    }

    void Drop(Entry entry)
    {
        _byUse.Remove(entry.ByUse);
        _byAge.Remove(entry.ByAge);
        _entries.Remove((entry.Owner, entry.Response.Id));
        _bytes -= entry.Response.Bytes;
        foreach (string id in entry.Response.ItemIds)
        {
            if (_items.TryGetValue((entry.Owner, id), out Entry? holder) && holder == entry)
            {
                _items.Remove((entry.Owner, id));
            }
        }
    }

    sealed class Entry
    {
        public Entry(string owner, StoredResponse response, DateTimeOffset ends)
        {
            (Owner, Response, Ends) = (owner, response, ends);
            ByUse = new(this);
            ByAge = new(this);
        }

        public string Owner { get; }

        public StoredResponse Response { get; }

        public DateTimeOffset Ends { get; }

        public LinkedListNode<Entry> ByUse { get; }

        public LinkedListNode<Entry> ByAge { get; }
    }
}

/// <summary>A response as it was told, with all that led to it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Body">What the client got.</param>
/// <param name="Input">The items before it, oldest first, those of earlier responses included.</param>
/// <param name="Output">Its own.</param>
sealed record StoredResponse(string Id, JsonElement Body, IReadOnlyList<JsonElement> Input, IReadOnlyList<JsonElement> Output)
{
    /// <summary>What an item takes beside its text.</summary>
    const int ItemOverhead = 256;

    /// <summary>Everything in its order.</summary>
    public IEnumerable<JsonElement> Items => Input.Concat(Output);

    public IEnumerable<string> ItemIds => Items.Select(IdOf);

    /// <summary>About how many bytes it takes.</summary>
    public long Bytes { get; } = Measure(Body) + Input.Concat(Output).Sum(Measure);

    public static string IdOf(JsonElement item) => item.GetProperty("id").GetString()!;

    static long Measure(JsonElement element) => ItemOverhead + element.GetRawText().Length;
}
