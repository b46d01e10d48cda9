using System.Text.Json;
using Microsoft.Playwright;
using OpenAutoGlm.Dashboard;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>The report of an optimisation in Chromium, as a file that somebody opens.</summary>
public sealed class ReportPageTests(ChromiumFixture chromium) : IClassFixture<ChromiumFixture>, IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("autoglm-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    [InlineData(768, ColorScheme.Light)]
    [InlineData(1440, ColorScheme.Light)]
    [InlineData(1440, ColorScheme.Dark)]
    public async Task It_opens_without_faults_asks_for_nothing_and_is_as_wide_as_the_screen(int width, ColorScheme scheme)
    {
        List<string> asked = [];
        await using DashboardTab tab = await OpenAsync(SampleReport.Of(), width, scheme, asked);
        Assert.Equal(width, await tab.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        Assert.Equal("GLM-4-9B-0414", await tab.Page.Locator("h1").TextContentAsync());
        Assert.True(await tab.Page.EvaluateAsync<bool>("getComputedStyle(document.querySelector('h1')).fontWeight === '650'"), "The styles were not applied.");
        await tab.Page.EvaluateAsync("for (const part of document.querySelectorAll('details')) part.open = true");
        Assert.Equal(width, await tab.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        Assert.Empty(tab.Faults);
        Assert.All(asked, url => Assert.StartsWith("file://", url, StringComparison.Ordinal));
        Assert.Single(asked);
    }

    [Theory]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(1440, ColorScheme.Light)]
    [InlineData(1440, ColorScheme.Dark)]
    public async Task Axe_finds_nothing_serious(int width, ColorScheme scheme)
    {
        string script = await File.ReadAllTextAsync(AxePath(), TestContext.Current.CancellationToken);
        await using DashboardTab tab = await OpenAsync(SampleReport.Of(), width, scheme, []);
        await tab.Page.EvaluateAsync("for (const part of document.querySelectorAll('details')) part.open = true");
        await tab.Page.EvaluateAsync($"() => {{ {script} }}");
        JsonElement faults = await tab.Page.EvaluateAsync<JsonElement>("""
            async () => (await axe.run()).violations.filter((fault) => ["serious", "critical"].includes(fault.impact))
              .map((fault) => `${fault.id}: ${fault.help}: ${fault.nodes.map((node) => node.target).join(" | ")}`)
            """);
        Assert.True(faults.GetArrayLength() == 0, $"{faults}");
    }

    [Fact]
    public async Task A_table_is_sorted_by_the_heading_that_is_clicked()
    {
        await using DashboardTab tab = await OpenAsync(SampleReport.Of(), 1440, ColorScheme.Light, []);
        await tab.Page.ClickAsync("#candidates summary");
        ILocator head = tab.Page.Locator("#candidates thead th", new() { HasText = "Size" });
        await head.Locator("button").ClickAsync();
        await Assertions.Expect(head).ToHaveAttributeAsync("aria-sort", "ascending");
        double[] rising = await SizesAsync();
        await head.Locator("button").ClickAsync();
        double[] falling = await SizesAsync();
        Assert.Equal(rising.Order(), rising);
        Assert.Equal(rising.Reverse(), falling);

        Task<double[]> SizesAsync() => tab.Page.EvaluateAsync<double[]>("[...document.querySelectorAll('#candidates tbody tr td:nth-child(2) data')].map((size) => Number(size.value))");
    }

    [Fact]
    public async Task Without_scripts_nothing_is_missing_but_sorting()
    {
        await using DashboardTab tab = await OpenAsync(SampleReport.Of(), 1440, ColorScheme.Light, [], scripts: false);
        await Assertions.Expect(tab.Page.Locator("section[id]")).ToHaveCountAsync(15);
        await Assertions.Expect(tab.Page.Locator("th button")).ToHaveCountAsync(0);
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task A_hostile_name_runs_nothing_and_shows_as_it_is()
    {
        const string name = "</title><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
        List<string> asked = [];
        await using DashboardTab tab = await OpenAsync(SampleReport.Of(name, layers: 3), 1440, ColorScheme.Light, asked);
        Assert.Equal(name, await tab.Page.Locator("h1").TextContentAsync());
        Assert.StartsWith(name, await tab.Page.TitleAsync(), StringComparison.Ordinal);
        Assert.Single(asked);
        Assert.Empty(tab.Faults);
    }

    async Task<DashboardTab> OpenAsync(OptimizationReport report, int width, ColorScheme scheme, List<string> asked, bool scripts = true)
    {
        string path = Path.Combine(_folder, "report.html");
        await File.WriteAllTextAsync(path, report.ToHtml(), TestContext.Current.CancellationToken);
        DashboardTab tab = await chromium.NewTabAsync(width, 900, scheme, scripts);
        tab.Page.Request += (_, request) => asked.Add(request.Url);
        await tab.Page.GotoAsync(new Uri(path).AbsoluteUri);
        return tab;
    }

    static string AxePath()
    {
        string path = Path.Combine(Repository.Root, "tests", "OpenAutoGlm.Conformance", "Dashboard", "node_modules", "axe-core", "axe.min.js");
        Assert.True(File.Exists(path), "axe is not installed: run npm install --prefix tests/OpenAutoGlm.Conformance/Dashboard");
        return path;
    }
}
