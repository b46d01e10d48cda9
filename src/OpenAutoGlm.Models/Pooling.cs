namespace OpenAutoGlm.Models;

/// <summary>How the hidden states of all tokens become one vector.</summary>
public enum Pooling
{
    /// <summary>That of the last token, which has seen all others: what decoder models are trained for.</summary>
    Last,

    /// <summary>The mean of all.</summary>
    Mean,

    /// <summary>That of the first token.</summary>
    First,
}
