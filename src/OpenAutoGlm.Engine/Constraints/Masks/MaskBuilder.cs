using OpenAutoGlm.Engine.Constraints.Frames;

namespace OpenAutoGlm.Engine.Constraints.Masks;

/// <summary>Walks the vocabulary's trie along the frames of a constraint. Holds memory for one walk at a time.</summary>
sealed class MaskBuilder(ConstraintVocabulary vocabulary)
{
    const int FewTokens = 4096;

    readonly Frame[] _tops = new Frame[TokenTrie.MaxTokenBytes + 2];
    readonly FrameStack?[] _below = new FrameStack?[TokenTrie.MaxTokenBytes + 2];
    readonly List<int> _tokens = [];
    readonly List<FrameExit> _exits = [];

    /// <summary>About how much memory the masks of frames hold that were made here.</summary>
    public long Bytes { get; set; }

    /// <summary>The tokens that may come at a place, end tokens among them.</summary>
    public TokenSet Build(Place place)
    {
        TokenSet set = new(vocabulary.Size);
        FrameMask mask = Of(place.Top.Twin);
        mask.AddTo(set);
        if (place.Below is { } below)
        {
            foreach (FrameExit exit in mask.Exits)
            {
                if (below.Top.Resume(exit.Result) is { } resumed)
                {
                    _tokens.Clear();
                    Walk(exit.Trie, exit.Node, resumed, below.Below, exits: null);
                    _tokens.ForEach(set.Add);
                }
            }
        }

        if (place.IsFinal)
        {
            foreach (int token in vocabulary.EndTokens)
            {
                set.Add(token);
            }
        }

        return set;
    }

    /// <summary>The part of the mask that a frame alone determines.</summary>
    public FrameMask Of(Frame frame)
    {
        if (frame.Mask is { } known)
        {
            return known;
        }

        _tokens.Clear();
        _exits.Clear();
        int free = frame.FreeCharacters;
        if (frame.IsUniform && free == int.MaxValue)
        {
            frame.Mask = Uniform(frame);
            Bytes += frame.Mask.Bytes;
            return frame.Mask;
        }

        Walk(free >= 0 ? vocabulary.Awkward : vocabulary.Trie, 0, frame, null, _exits);
        TokenSet? many = null;
        if (_tokens.Count > FewTokens)
        {
            many = new TokenSet(vocabulary.Size);
            _tokens.ForEach(many.Add);
            _tokens.Clear();
        }

        frame.Mask = new FrameMask(free > 0 ? vocabulary.PlainUpTo(free) : null, [.. _tokens], many, [.. _exits]);
        Bytes += frame.Mask.Bytes;
        return frame.Mask;
    }

    /// <summary>
    /// Inside a string in which anything may stand. Tokens that stay in it are known; those that end it are sorted by what
    /// follows the quote, and what comes before the quote matters only where it makes a text that is an exception.
    /// </summary>
    FrameMask Uniform(Frame frame)
    {
        TokenTrie all = vocabulary.Trie;
        Close(vocabulary.Closing, vocabulary.Closing.NodeCount > 1 ? 1 : 0, frame.UniformClose);
        HashSet<int> exceptional = [];
        List<(int Node, Edge Close)> exceptions = [];
        foreach (byte[] text in frame.Exceptions)
        {
            if (all.Find([.. text, (byte)'"']) is >= 0 and int node)
            {
                exceptional.UnionWith(all.TokensBelow(node).ToArray());
                exceptions.Add((node, text.Aggregate((Frame?)frame, (at, value) => at?.Step(value).Next)?.Step((byte)'"') ?? Edge.Dead));
            }
        }

        if (exceptional.Count > 0 && _exits.Count > 0)
        {
            // An exit stands for tokens with whatever text before the quote, exceptions too: so look at each by itself.
            _tokens.Clear();
            _exits.Clear();
            Walk(vocabulary.Awkward, 0, frame, null, _exits);
            return new FrameMask(vocabulary.PlainUpTo(int.MaxValue), [.. _tokens], null, [.. _exits]);
        }

        _tokens.RemoveAll(exceptional.Contains);
        foreach ((int node, Edge close) in exceptions)
        {
            Close(all, node, close);
        }

        Walk(vocabulary.Escaping, 0, frame, null, _exits);
        return new FrameMask(vocabulary.Inside, [.. _tokens], null, [.. _exits]);
    }

    /// <summary>Goes on after a quote, which is a node's label.</summary>
    void Close(TokenTrie trie, int node, Edge close)
    {
        if (node == 0 || close.Move is not (Move.Stay or Move.Pop))
        {
            return;
        }

        _tokens.AddRange(trie.TokensAt(node));
        if (close.Move == Move.Pop)
        {
            _exits.Add(new FrameExit(trie, node, close.Result!));
        }
        else
        {
            Walk(trie, node, close.Next!, null, _exits);
        }
    }

    /// <summary>
    /// Collects the tokens below a node whose further bytes may come. Where the frame that the walk began with ends and
    /// nothing is below it, that is an exit.
    /// </summary>
    void Walk(TokenTrie trie, int root, Frame top, FrameStack? below, List<FrameExit>? exits)
    {
        ReadOnlySpan<byte> labels = trie.Labels;
        ReadOnlySpan<int> ends = trie.Ends;
        ReadOnlySpan<byte> depths = trie.Depths;
        ReadOnlySpan<int> firsts = trie.FirstTokens;
        ReadOnlySpan<int> ids = trie.Tokens;
        int rootDepth = depths[root];
        _tops[rootDepth] = top;
        _below[rootDepth] = below;
        int end = ends[root];
        if (exits is not null && top.Completed is { } completed)
        {
            exits.Add(new FrameExit(trie, root, completed));
        }

        for (int node = root + 1; node < end;)
        {
            int depth = depths[node];
            Edge edge = _tops[depth - 1].Step(labels[node]);
            if (edge.Move == Move.Stay)
            {
                _tops[depth] = edge.Next!;
                _below[depth] = _below[depth - 1];
            }
            else if (edge.Move == Move.Dead || !Follow(edge, labels[node], depth, trie, node, exits))
            {
                node = ends[node];
                continue;
            }

            // A number that may end here leaves the frame before the next byte, whatever that is.
            if (exits is not null && _below[depth] is null && _tops[depth].Completed is { } result)
            {
                exits.Add(new FrameExit(trie, node, result));
            }

            for (int i = firsts[node]; i < firsts[node + 1]; i++)
            {
                _tokens.Add(ids[i]);
            }

            node++;
        }
    }

    /// <summary>Pushes and pops at a node; false where nothing is to be found below it by this walk.</summary>
    bool Follow(Edge edge, byte label, int depth, TokenTrie trie, int node, List<FrameExit>? exits)
    {
        (Frame top, FrameStack? below) = (_tops[depth - 1], _below[depth - 1]);
        while (true)
        {
            switch (edge.Move)
            {
                case Move.Stay:
                    (_tops[depth], _below[depth]) = (edge.Next!, below);
                    return true;
                case Move.Push:
                    (_tops[depth], _below[depth]) = (edge.Child!, new FrameStack(edge.Next!, below));
                    return true;
                case Move.Pop when below is null:
                    if (exits is not null)
                    {
                        exits.Add(new FrameExit(trie, node, edge.Result!));
                        foreach (int token in trie.TokensAt(node))
                        {
                            _tokens.Add(token);
                        }
                    }

                    return false;
                case Move.Yield when below is null:
                    return false; // The exit was noted at the node before.
                case Move.Pop when below.Top.Resume(edge.Result!) is { } resumed:
                    (_tops[depth], _below[depth]) = (resumed, below.Below);
                    return true;
                case Move.Yield when below.Top.Resume(edge.Result!) is { } resumed:
                    (top, below) = (resumed, below.Below);
                    edge = top.Step(label);
                    break;
                default:
                    return false;
            }
        }
    }
}
