namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>How the references of gradients end: sums in float64 become float32 once.</summary>
static class Gradients
{
    internal static void Store(ReadOnlySpan<double> sums, Span<float> gradient)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            gradient[i] = (float)sums[i];
        }
    }

    internal static void Add(ReadOnlySpan<double> sums, Span<float> gradient)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            gradient[i] = (float)(gradient[i] + sums[i]);
        }
    }
}
