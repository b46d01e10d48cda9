namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>A weight of a graph: a whole tensor of the file, or rows of one, as "blk.0.ffn_up.weight[0..64]" says.</summary>
/// <param name="Whole">The tensor's name.</param>
/// <param name="Start">The first row.</param>
/// <param name="Count">How many rows; 0 for all.</param>
readonly record struct WeightName(string Whole, int Start, int Count)
{
    internal static WeightName Of(string name)
    {
        int bracket = name.EndsWith(']') ? name.LastIndexOf('[') : -1;
        int dots = bracket < 0 ? -1 : name.IndexOf("..", bracket, StringComparison.Ordinal);
        if (dots < 0)
        {
            return new WeightName(name, 0, 0);
        }

        int start = int.Parse(name.AsSpan(bracket + 1, dots - bracket - 1));
        return new WeightName(name[..bracket], start, int.Parse(name.AsSpan(dots + 2, name.Length - dots - 3)) - start);
    }
}
