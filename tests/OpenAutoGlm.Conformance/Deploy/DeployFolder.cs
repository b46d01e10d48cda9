using System.Text.Json;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Deploy;

/// <summary>The files of deploy/, and what they say.</summary>
static partial class DeployFolder
{
    static readonly Lazy<string> Root = new(() =>
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OpenAutoGlm.slnx")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? throw new InvalidOperationException("The tests are not inside the repository."), "deploy");
    });

    public static string PathOf(params string[] parts) => Path.Combine([Root.Value, .. parts]);

    public static string Text(params string[] parts) => File.ReadAllText(PathOf(parts));

    /// <summary>Names of metrics in a text, without the suffixes that a histogram's series have.</summary>
    public static IEnumerable<string> MetricsIn(string text) =>
        Metric().Matches(text).Select(match => Regex.Replace(match.Value, "_(bucket|sum|count)$", "")).Distinct();

    /// <summary>Every query of the dashboard, with its variables filled in.</summary>
    public static IReadOnlyList<string> DashboardQueries()
    {
        using JsonDocument dashboard = JsonDocument.Parse(Text("grafana", "autoglm.json"));
        return
        [
            .. dashboard.RootElement.GetProperty("panels").EnumerateArray()
                .Where(panel => panel.TryGetProperty("targets", out _))
                .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
                .Select(target => target.GetProperty("expr").GetString()!.Replace("$job", ".+").Replace("$model", ".+").Replace("$__rate_interval", "1m")),
        ];
    }

    [GeneratedRegex(@"(?<![\w:])(autoglm:|http_request|process_|dotnet_)[a-z0-9_]+")]
    private static partial Regex Metric();
}
