using System.Globalization;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>Lists of cores and memory nodes as Linux writes them: 0-3,8.</summary>
static class NumberList
{
    const int Most = 1 << 16;

    /// <summary>The numbers in a list; what is not a number, or a range of two with the smaller first, is passed over.</summary>
    internal static IEnumerable<int> Of(string list)
    {
        foreach (string range in list.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = range.Split('-');
            if (int.TryParse(ends[0], CultureInfo.InvariantCulture, out int first) && int.TryParse(ends[^1], CultureInfo.InvariantCulture, out int last) && first >= 0 && last < Most)
            {
                for (int number = first; number <= last; number++)
                {
                    yield return number;
                }
            }
        }
    }
}
