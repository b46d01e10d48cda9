namespace OpenAutoGlm.Graph;

/// <summary>A graph that breaks a rule: shapes that do not fit, a value used before it exists, a weight of the wrong size.</summary>
public sealed class GraphException(string message) : Exception(message);
