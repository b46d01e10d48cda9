using System.Runtime.InteropServices;

namespace OpenAutoGlm.Models.Tokenizers.Training;

/// <summary>
/// Pieces of text as symbols, how often each pair of neighbours is there, and in which pieces. A queue gives the best
/// pair; entries whose count has changed since are put back with the true one.
/// </summary>
sealed class PairTable
{
    readonly List<string> _texts = [];
    readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    readonly int[][] _words;
    readonly int[] _lengths;
    readonly long[] _counts;
    readonly Dictionary<long, Pair> _pairs = [];
    readonly PriorityQueue<long, (long Count, long Key)> _queue = new();
    readonly HashSet<long> _touched = [];

    /// <param name="pieces">Pieces as strings of their bytes, and how often each is there.</param>
    public PairTable(Dictionary<string, long> pieces)
    {
        for (int value = 0; value < 256; value++)
        {
            IdOf(((char)value).ToString());
        }

        (string Piece, long Count)[] words = [.. pieces.Where(piece => piece.Key.Length > 1).Select(piece => (piece.Key, piece.Value))];
        _words = [.. words.Select(word => word.Piece.Select(letter => (int)letter).ToArray())];
        _lengths = [.. _words.Select(word => word.Length)];
        _counts = [.. words.Select(word => word.Count)];
        for (int word = 0; word < _words.Length; word++)
        {
            for (int i = 0; i + 1 < _lengths[word]; i++)
            {
                Change(_words[word][i], _words[word][i + 1], _counts[word], word);
            }
        }

        Enqueue();
    }

    /// <summary>Different symbols there are.</summary>
    public int SymbolCount => _texts.Count;

    /// <summary>The bytes of a symbol, one character each.</summary>
    public string Text(int symbol) => _texts[symbol];

    /// <summary>The pair that is there most often.</summary>
    public bool TryTakeBest(int minimumCount, out int left, out int right)
    {
        (left, right) = (0, 0);
        while (_queue.TryDequeue(out long key, out (long Count, long Key) order))
        {
            long count = _pairs.TryGetValue(key, out Pair? pair) ? pair.Count : 0;
            if (count == -order.Count)
            {
                (left, right) = ((int)(key >> 32), (int)(uint)key);
                return count >= minimumCount;
            }

            // Counts only fall while an entry waits: whatever raises one puts in another entry.
            if (count > 0 && count < -order.Count)
            {
                _queue.Enqueue(key, (-count, key));
            }
        }

        return false;
    }

    /// <summary>Joins a pair wherever it is, from left to right.</summary>
    public void Merge(int left, int right)
    {
        long key = Key(left, right);
        Pair pair = _pairs[key];
        int merged = IdOf(_texts[left] + _texts[right]);
        _touched.Clear();
        foreach (int word in pair.Words)
        {
            Merge(word, left, right, merged);
        }

        _pairs.Remove(key);
        Enqueue();
    }

    void Merge(int word, int left, int right, int merged)
    {
        Span<int> symbols = _words[word].AsSpan(0, _lengths[word]);
        long count = _counts[word];
        int kept = 0;
        for (int i = 0; i < symbols.Length;)
        {
            if (i + 1 == symbols.Length || symbols[i] != left || symbols[i + 1] != right)
            {
                symbols[kept++] = symbols[i++];
                continue;
            }

            // The symbol before is already joined, the one behind not yet.
            if (kept > 0)
            {
                Change(symbols[kept - 1], left, -count, word);
                Change(symbols[kept - 1], merged, count, word);
            }

            if (i + 2 < symbols.Length)
            {
                Change(right, symbols[i + 2], -count, word);
                Change(merged, symbols[i + 2], count, word);
            }

            Change(left, right, -count, word);
            symbols[kept++] = merged;
            i += 2;
        }

        _lengths[word] = kept;
    }

    void Change(int left, int right, long by, int word)
    {
        long key = Key(left, right);
        ref Pair? pair = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, key, out _);
        pair ??= new Pair();
        pair.Count += by;
        if (by > 0)
        {
            pair.Words.Add(word);
            _touched.Add(key);
        }
    }

    void Enqueue()
    {
        foreach (long key in _touched)
        {
            if (_pairs.TryGetValue(key, out Pair? pair) && pair.Count > 0)
            {
                _queue.Enqueue(key, (-pair.Count, key));
            }
        }
    }

    int IdOf(string text)
    {
        ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(_ids, text, out bool known);
        if (!known)
        {
            id = _texts.Count;
            _texts.Add(text);
        }

        return id;
    }

    static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    sealed class Pair
    {
        public long Count { get; set; }

        /// <summary>Pieces that have, or once had, the pair.</summary>
        public HashSet<int> Words { get; } = [];
    }
}
