namespace OpenAutoGlm.Cpu.Tuning;

/// <summary>Something whose speed depends on a number and whose results do not: the number may change between two runs.</summary>
interface ITunable
{
    /// <summary>Names the number and everything that its best value depends on but the machine; equal keys share a value.</summary>
    string TuningKey { get; }

    /// <summary>Values worth trying.</summary>
    ReadOnlySpan<int> Choices { get; }

    /// <summary>The value in use, one of the choices or the default, which need not be one.</summary>
    int Choice { get; set; }
}
