namespace OpenAutoGlm.Engine.Kv;

/// <summary>What came of asking a <see cref="PrefixCache"/> for a sequence. It counts when the sequence goes on with it.</summary>
/// <param name="Tokens">The sequence's tokens; 0 where nobody asked.</param>
/// <param name="Found">Those that need not be computed.</param>
/// <param name="Miss">Why there were no more.</param>
readonly record struct PrefixLookup(int Tokens, int Found, PrefixMiss Miss);

/// <summary>Why a lookup did not find all that it could have.</summary>
enum PrefixMiss
{
    /// <summary>It did.</summary>
    None,

    /// <summary>Nobody of the tenant has computed what comes next, or too long ago.</summary>
    NeverSeen,

    /// <summary>What comes next was there and gave way.</summary>
    Evicted,

    /// <summary>There is no full block before the last token.</summary>
    TooShort,
}
