namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>Finds a place for the label of each point, so that they hide neither each other nor points.</summary>
/// <param name="left">Left edge of the picture.</param>
/// <param name="right">Right edge.</param>
/// <param name="top">Upper edge.</param>
/// <param name="bottom">Lower edge.</param>
sealed class LabelPlaces(double left, double right, double top, double bottom)
{
    const double LetterWidth = 6.7;
    const double Height = 13;
    const double Bearable = 0.1; // the share of a label that may lie over something

    static readonly (double X, double Y, string Anchor)[] Ways =
    [
        (1, 0, ""), (-1, 0, "end"), (0, -1, "middle"), (0, 1.2, "middle"), (0.8, -0.9, ""), (0.8, 1.1, ""), (-0.8, -0.9, "end"), (-0.8, 1.1, "end"),
        (1.6, -1.6, ""), (1.6, 2, ""), (-1.6, -1.6, "end"), (-1.6, 2, "end"),
    ];

    readonly List<(double Left, double Right, double Top, double Bottom)> _taken = [];

    /// <summary>Keeps a point free of labels.</summary>
    public void Keep(double x, double y, double radius) => _taken.Add((x - radius, x + radius, y - radius, y + radius));

    /// <summary>Where the label of a point goes.</summary>
    public (double X, double Y, string Anchor) Place(double x, double y, double radius, string text)
    {
        ((double X, double Y, string Anchor) place, var box, _) = Best(x, y, radius, text);
        _taken.Add(box);
        return place;
    }

    /// <summary>Where the label of a point goes; null where it would hide too much of something else.</summary>
    public (double X, double Y, string Anchor)? PlaceIfFree(double x, double y, double radius, string text)
    {
        ((double X, double Y, string Anchor) place, var box, double cost) = Best(x, y, radius, text);
        if (cost > Bearable * text.Length * LetterWidth * Height)
        {
            return null;
        }

        _taken.Add(box);
        return place;
    }

    ((double X, double Y, string Anchor) Place, (double Left, double Right, double Top, double Bottom) Box, double Cost) Best(double x, double y, double radius, string text)
    {
        (double X, double Y, string Anchor) best = default;
        (double Left, double Right, double Top, double Bottom) bestBox = default;
        double least = double.PositiveInfinity;
        foreach ((double dx, double dy, string anchor) in Ways)
        {
            double atX = x + (dx * (radius + 5));
            double middle = y + (dy * (radius + 6));
            double width = text.Length * LetterWidth;
            double start = anchor.Length == 0 ? atX : anchor == "end" ? atX - width : atX - (width / 2);
            var box = (Left: start, Right: start + width, Top: middle - (Height / 2), Bottom: middle + (Height / 2));
            double cost = _taken.Sum(other => Overlap(box, other));
            cost += (1000 * Math.Max(0, left - box.Left)) + (1000 * Math.Max(0, box.Right - right)) + (1000 * Math.Max(0, top - box.Top)) + (1000 * Math.Max(0, box.Bottom - bottom));
            if (cost < least)
            {
                (least, best, bestBox) = (cost, (atX, middle + 4, anchor), box);
            }
        }

        return (best, bestBox, least);
    }

    static double Overlap((double Left, double Right, double Top, double Bottom) a, (double Left, double Right, double Top, double Bottom) b) =>
        Math.Max(0, Math.Min(a.Right, b.Right) - Math.Max(a.Left, b.Left)) * Math.Max(0, Math.Min(a.Bottom, b.Bottom) - Math.Max(a.Top, b.Top));
}
