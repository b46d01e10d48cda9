namespace OpenAutoGlm.Deploy;

/// <summary>Prometheus' own tool on what deploy/ holds for it.</summary>
public class RuleTests
{
    const string Package = "prometheus";

    [Fact]
    public async Task Promtool_accepts_the_rules()
    {
        (int code, string output) = await DebianTool.RunAsync(Package, "", "promtool", "check", "rules", DeployFolder.PathOf("prometheus", "autoglm.rules.yml"));
        Assert.True(code == 0, output);
    }

    [Fact]
    public async Task Every_alert_fires_when_it_should_and_only_then()
    {
        string tests = DeployFolder.Text("prometheus", "autoglm.rules.test.yml");
        string[] alerts = [.. DeployFolder.Text("prometheus", "autoglm.rules.yml").Split('\n').Where(line => line.Contains("- alert: ", StringComparison.Ordinal)).Select(line => line.Split(": ")[1])];
        Assert.Equal(9, alerts.Length);
        Assert.All(alerts, alert => Assert.Contains($"alertname: {alert}\n", tests, StringComparison.Ordinal));
        (int code, string output) = await DebianTool.RunAsync(Package, "", "promtool", "test", "rules", DeployFolder.PathOf("prometheus", "autoglm.rules.test.yml"));
        Assert.True(code == 0, output);
    }

    [Theory]
    [InlineData("prometheus")]
    [InlineData("docker")]
    public async Task Promtool_accepts_the_configuration(string folder)
    {
        DirectoryInfo copy = Directory.CreateTempSubdirectory("autoglm-prometheus-");
        try
        {
            string key = Path.Combine(copy.FullName, "autoglm.key");
            File.WriteAllText(key, "key");
            File.Copy(DeployFolder.PathOf("prometheus", "autoglm.rules.yml"), Path.Combine(copy.FullName, "autoglm.rules.yml"));
            string configuration = Path.Combine(copy.FullName, "prometheus.yml");
            File.WriteAllText(configuration, DeployFolder.Text(folder, "prometheus.yml").Replace("/etc/prometheus/autoglm.key", key));
            (int code, string output) = await DebianTool.RunAsync(Package, "", "promtool", "check", "config", configuration);
            Assert.True(code == 0, output);
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }
}
