namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>
/// Byte strings by common prefix. The children of a node lie side by side in order of their byte, so a step is a
/// binary search among at most 256. Immutable.
/// </summary>
sealed class ByteTrie
{
    readonly byte[] _labels;
    readonly int[] _children; // children of node i: _children[i].._children[i + 1]
    readonly int[] _values; // −1 where no key ends

    /// <param name="keys">The keys, none empty, each with a value of at least 0; of equal keys the first counts.</param>
    public ByteTrie(IEnumerable<(byte[] Key, int Value)> keys)
    {
        (byte[] Key, int Value)[] sorted = [.. keys.OrderBy(entry => entry.Key, ByteOrder.Instance)];
        List<byte> labels = [0];
        List<int> values = [-1];
        List<int> children = [];
        Queue<(int Low, int High, int Depth)> nodes = new([(0, sorted.Length, 0)]);
        while (nodes.TryDequeue(out (int Low, int High, int Depth) node))
        {
            children.Add(labels.Count);
            for (int low = node.Low; low < node.High;)
            {
                if (sorted[low].Key.Length == node.Depth)
                {
                    low++; // The key that ends here; it sorts before its extensions.
                    continue;
                }

                byte label = sorted[low].Key[node.Depth];
                int high = low + 1;
                while (high < node.High && sorted[high].Key[node.Depth] == label)
                {
                    high++;
                }

                labels.Add(label);
                values.Add(sorted[low].Key.Length == node.Depth + 1 ? sorted[low].Value : -1);
                nodes.Enqueue((low, high, node.Depth + 1));
                low = high;
            }
        }

        children.Add(labels.Count);
        (_labels, _values, _children) = ([.. labels], [.. values], [.. children]);
    }

    /// <summary>The node of the empty prefix.</summary>
    public static int Root => 0;

    /// <summary>The node one byte further, or −1.</summary>
    public int Step(int node, byte label)
    {
        int first = _children[node];
        int found = _labels.AsSpan(first.._children[node + 1]).BinarySearch(label);
        return found >= 0 ? first + found : -1;
    }

    /// <summary>The value of the key that ends at a node, or −1.</summary>
    public int Value(int node) => _values[node];

    sealed class ByteOrder : IComparer<byte[]>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
