namespace OpenAutoGlm.Engine.Traces;

/// <summary>A trace that does not say what it must.</summary>
/// <param name="file">The file, as the caller named it.</param>
/// <param name="line">The line, from 1.</param>
/// <param name="message">What is wrong, with the value, and what belongs there.</param>
/// <param name="inner">What was noticed.</param>
public sealed class TraceFormatException(string file, int line, string message, Exception? inner = null) : IOException($"{file}: line {line}: {message}", inner)
{
    /// <summary>The line, from 1.</summary>
    public int Line => line;
}
