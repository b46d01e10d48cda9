namespace OpenAutoGlm.Cpu.Emit;

/// <summary>A function that was assembled at run time, for people to look at.</summary>
/// <param name="Name">What it does.</param>
/// <param name="Address">Where it begins.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Listing">Its instructions, a line each: offset and text.</param>
public sealed record EmittedFunction(string Name, long Address, int Bytes, string Listing);
