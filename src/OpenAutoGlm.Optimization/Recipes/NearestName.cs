namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>Finds what a misspelt name was probably meant to be.</summary>
static class NearestName
{
    /// <summary>" Did you mean 'x'?", or nothing where no name is near.</summary>
    internal static string Hint(string name, IEnumerable<string> known)
    {
        (string? Name, int Distance) best = (null, int.MaxValue);
        foreach (string candidate in known)
        {
            int distance = Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant());
            best = distance < best.Distance ? (candidate, distance) : best;
        }

        return best.Name is not null && best.Distance <= Math.Max(2, name.Length / 3) ? $" Did you mean '{best.Name}'?" : "";
    }

    /// <summary>Insertions, deletions and exchanges of characters that make one text the other. Source: Levenshtein 1966.</summary>
    static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= b.Length; j++)
            {
                int changed = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                (diagonal, row[j]) = (row[j], changed);
            }
        }

        return row[^1];
    }
}
