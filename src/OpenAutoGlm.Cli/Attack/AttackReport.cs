using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>What a run came to, as a table in Markdown and a list of findings.</summary>
static class AttackReport
{
    const int ShownFindings = 20;

    /// <summary>The report.</summary>
    /// <param name="run">The run, at its end.</param>
    /// <param name="seconds">How long it took.</param>
    /// <param name="replay">The command that repeats one request, but for its number.</param>
    public static string Of(AttackRun run, double seconds, string replay)
    {
        StringBuilder text = new();
        string[] came = [.. run.Counts.Keys.Select(key => key.Came).Distinct().Order(StringComparer.Ordinal)];
        text.AppendLine(CultureInfo.InvariantCulture, $"| sent | {string.Join(" | ", came)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|{string.Concat(came.Select(_ => "--:|"))}");
        foreach (string kind in run.Counts.Keys.Select(key => key.Kind).Distinct().Order(StringComparer.Ordinal))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {kind} | {string.Join(" | ", came.Select(what => run.Counts.GetValueOrDefault((kind, what)) is > 0 and long count ? $"{count:N0}" : ""))} |");
        }

        double[] times = run.Milliseconds;
        if (times.Length > 0)
        {
            text.AppendLine();
            text.AppendLine(CultureInfo.InvariantCulture, $"{run.Done:N0} requests in {seconds:N0} s ({run.Done / seconds:N0}/s); answered after {times[times.Length / 2]:N1} ms (median), {times[(int)(times.Length * 0.99)]:N1} ms (p99), {times[^1]:N0} ms (longest).");
        }

        foreach (AttackFinding finding in run.Findings.Take(ShownFindings))
        {
            text.AppendLine();
            text.AppendLine(CultureInfo.InvariantCulture, $"FOUND {finding.Request.Route}, {finding.Request.Kind}: {finding.Fault}");
            text.AppendLine(CultureInfo.InvariantCulture, $"  {replay} --only {finding.Number}");
        }

        text.AppendLine();
        text.AppendLine(run.Findings.Count == 0 ? "Nothing found." : $"{run.Findings.Count} found{(run.Findings.Count > ShownFindings ? $", {ShownFindings} shown" : "")}.");
        return text.ToString();
    }
}
