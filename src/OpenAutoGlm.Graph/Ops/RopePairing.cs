namespace OpenAutoGlm.Graph.Ops;

/// <summary>Which two elements of a head a rotary embedding turns together.</summary>
public enum RopePairing
{
    /// <summary>Elements 2i and 2i + 1.</summary>
    Interleaved,

    /// <summary>Elements i and i + dims/2.</summary>
    Half,
}
