namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>Something that would help, by estimate.</summary>
/// <param name="Title">In a few words: "store weights in Q4_K".</param>
/// <param name="Text">What it would bring and why, in a sentence or two.</param>
/// <param name="Run">Which way of running gains; null where it saves memory only.</param>
/// <param name="Gain">How many times faster that would be, by estimate; 1 for no change.</param>
/// <param name="SavedBytes">Bytes that it would save; negative where it takes more.</param>
public sealed record Advice(string Title, string Text, RunKind? Run, double Gain, long SavedBytes);
