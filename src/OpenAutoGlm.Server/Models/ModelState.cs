namespace OpenAutoGlm.Server.Models;

/// <summary>Where a model is in its life.</summary>
enum ModelState
{
    /// <summary>Known by name only.</summary>
    Unloaded,

    /// <summary>On its way into memory.</summary>
    Loading,

    /// <summary>Ready for requests.</summary>
    Loaded,

    /// <summary>On its way out: its last requests still run.</summary>
    Draining,

    /// <summary>The last load failed, and nobody has asked again since.</summary>
    Failed,
}
