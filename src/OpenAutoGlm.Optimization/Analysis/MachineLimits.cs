namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>What a machine can do at most, measured or assumed: the two rates that set the floors of inference.</summary>
/// <param name="ReadBytesPerSecond">Streaming reads by all threads.</param>
/// <param name="OperationsPerSecond">Arithmetic of the path that multiplies matrices, a multiply and an add counting as two.</param>
public sealed record MachineLimits(double ReadBytesPerSecond, double OperationsPerSecond);
