namespace OpenAutoGlm.Models.Architectures;

/// <summary>What the one who runs a graph decides about it.</summary>
/// <param name="BlockTokens">Tokens in a block of KV memory.</param>
public sealed record GraphOptions(int BlockTokens = 32);
