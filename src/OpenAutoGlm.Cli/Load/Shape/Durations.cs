using System.Globalization;

namespace OpenAutoGlm.Cli.Load.Shape;

/// <summary>Times as people type them: 250ms, 30s, 1.5m, 2h.</summary>
static class Durations
{
    static readonly (string Unit, double Seconds)[] Units = [("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    public static bool TryParse(string text, out TimeSpan time)
    {
        time = default;
        foreach ((string unit, double seconds) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
                && value * seconds <= TimeSpan.FromDays(30).TotalSeconds)
            {
                time = TimeSpan.FromSeconds(value * seconds);
                return true;
            }
        }

        return false;
    }
}
