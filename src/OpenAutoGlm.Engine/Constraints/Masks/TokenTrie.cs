namespace OpenAutoGlm.Engine.Constraints.Masks;

/// <summary>
/// Tokens by common prefixes of their bytes, as one array in depth-first order: a node's subtree is the run of nodes after
/// it, so a walk goes forward through memory and leaves out a subtree by jumping over it. Node 0 is the empty prefix.
/// Immutable.
/// </summary>
sealed class TokenTrie
{
    readonly byte[] _labels;
    readonly int[] _ends;
    readonly byte[] _depths;
    readonly int[] _firstTokens; // tokens of node i: _tokens[_firstTokens[i].._firstTokens[i + 1]]
    readonly int[] _tokens;

    /// <summary>Longest token that is kept; longer ones are never allowed under a constraint.</summary>
    public const int MaxTokenBytes = 250;

    /// <param name="tokens">Tokens and their bytes; empty and overlong ones are left out.</param>
    public TokenTrie(IEnumerable<(int Token, byte[] Bytes)> tokens)
    {
        (int Token, byte[] Bytes)[] sorted = [.. tokens.Where(entry => entry.Bytes.Length is > 0 and <= MaxTokenBytes)];
        Array.Sort(sorted, (left, right) => left.Bytes.AsSpan().SequenceCompareTo(right.Bytes) is not 0 and int order ? order : left.Token.CompareTo(right.Token));
        List<byte> labels = [0];
        List<int> ends = [0];
        List<byte> depths = [0];
        List<int> firsts = [0];
        List<int> ids = [];
        List<int> path = [0]; // nodes from the root to the last one
        byte[] previous = [];
        foreach ((int token, byte[] bytes) in sorted)
        {
            int common = previous.AsSpan().CommonPrefixLength(bytes);
            for (; path.Count - 1 > common; path.RemoveAt(path.Count - 1))
            {
                ends[path[^1]] = labels.Count;
            }

            for (int i = common; i < bytes.Length; i++)
            {
                path.Add(labels.Count);
                labels.Add(bytes[i]);
                ends.Add(0);
                depths.Add((byte)(i + 1));
                firsts.Add(ids.Count);
            }

            ids.Add(token);
            previous = bytes;
            Longest = Math.Max(Longest, bytes.Length);
        }

        foreach (int node in path)
        {
            ends[node] = labels.Count;
        }

        firsts.Add(ids.Count);
        (_labels, _ends, _depths, _firstTokens, _tokens) = ([.. labels], [.. ends], [.. depths], [.. firsts], [.. ids]);
    }

    /// <summary>Bytes of the longest token.</summary>
    public int Longest { get; }

    public int NodeCount => _labels.Length;

    public ReadOnlySpan<byte> Labels => _labels;

    /// <summary>One past the last node of each node's subtree.</summary>
    public ReadOnlySpan<int> Ends => _ends;

    public ReadOnlySpan<byte> Depths => _depths;

    /// <summary>The tokens that are exactly this prefix.</summary>
    public ReadOnlySpan<int> TokensAt(int node) => _tokens.AsSpan(_firstTokens[node].._firstTokens[node + 1]);

    /// <summary>The tokens that begin with this prefix.</summary>
    public ReadOnlySpan<int> TokensBelow(int node) => _tokens.AsSpan(_firstTokens[node].._firstTokens[_ends[node]]);

    /// <summary>The node of a prefix, or −1.</summary>
    public int Find(ReadOnlySpan<byte> prefix)
    {
        int node = 0;
        foreach (byte value in prefix)
        {
            int child = node + 1;
            while (child < _ends[node] && _labels[child] != value)
            {
                child = _ends[child];
            }

            if (child >= _ends[node])
            {
                return -1;
            }

            node = child;
        }

        return node;
    }

    /// <summary>Where each node's tokens begin; one more entry than nodes.</summary>
    public ReadOnlySpan<int> FirstTokens => _firstTokens;

    public ReadOnlySpan<int> Tokens => _tokens;
}
