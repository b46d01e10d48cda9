namespace OpenAutoGlm.Engine.Constraints.Masks;

/// <summary>
/// What a frame alone says about the next token: the tokens that stay within it and what it pushes, and where tokens leave
/// it. Those go on in the frames below.
/// </summary>
/// <param name="Plain">Tokens shared with other frames; null for none.</param>
/// <param name="Tokens">Further tokens, rising.</param>
/// <param name="Many">Further tokens where there are many; null where <paramref name="Tokens"/> has all.</param>
/// <param name="Exits">Where tokens leave.</param>
sealed record FrameMask(TokenSet? Plain, int[] Tokens, TokenSet? Many, FrameExit[] Exits)
{
    /// <summary>About how much memory it holds.</summary>
    public int Bytes => 2048 + 4 * Tokens.Length + (Many is null ? 0 : Many.Size / 8) + 24 * Exits.Length;

    public void AddTo(TokenSet set)
    {
        if (Plain is not null)
        {
            set.UnionWith(Plain);
        }

        if (Many is not null)
        {
            set.UnionWith(Many);
        }

        foreach (int token in Tokens)
        {
            set.Add(token);
        }
    }
}

/// <summary>A place of the vocabulary's trie at which the frame has ended.</summary>
/// <param name="Trie">The trie.</param>
/// <param name="Node">The node; what follows is below it.</param>
/// <param name="Result">What the frame hands down.</param>
readonly record struct FrameExit(TokenTrie Trie, int Node, object Result);
