using Microsoft.Playwright;

namespace OpenAutoGlm.Dashboard;

/// <summary>Debian's Chromium, started once for all tests of the dashboard.</summary>
public sealed class ChromiumFixture : IAsyncLifetime
{
    const string Path = "/usr/bin/chromium";
    const float PatienceMs = 20_000;

    IPlaywright? _playwright;
    IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        Assert.True(File.Exists(Path), $"There is no {Path}: run apt-get install chromium.");
        Assertions.SetDefaultExpectTimeout(PatienceMs);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Path, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }

    /// <summary>Opens the dashboard in a browser that knows nothing yet.</summary>
    internal async Task<DashboardTab> OpenAsync(DashboardServer server, int width = 1440, int height = 900, ColorScheme scheme = ColorScheme.Light, string view = "")
    {
        DashboardTab tab = await NewTabAsync(width, height, scheme);
        await tab.Page.GotoAsync(server.Url + view);
        await Assertions.Expect(tab.Page.Locator("#model option")).Not.ToHaveCountAsync(0);
        await Assertions.Expect(tab.Page.Locator("#health")).ToHaveAttributeAsync("data-kind", "good");
        return tab;
    }

    /// <summary>An empty tab in a browser that knows nothing yet.</summary>
    internal async Task<DashboardTab> NewTabAsync(int width, int height, ColorScheme scheme, bool scripts = true)
    {
        IBrowserContext context = await _browser!.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
            HasTouch = width < 500,
            JavaScriptEnabled = scripts,
        });
        return new DashboardTab(context, await context.NewPageAsync());
    }
}

/// <summary>A tab with the dashboard. It remembers every fault that the browser reports.</summary>
sealed class DashboardTab : IAsyncDisposable
{
    readonly IBrowserContext _context;
    readonly List<string> _faults = [];

    public DashboardTab(IBrowserContext context, IPage page)
    {
        _context = context;
        Page = page;
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _faults.Add($"{message.Type}: {message.Text}");
            }
        };
        page.PageError += (_, fault) => _faults.Add(fault);
    }

    public IPage Page { get; }

    /// <summary>All that the browser complained about.</summary>
    public IReadOnlyList<string> Faults => _faults;

    public ILocator Answers => Page.Locator(".message.answer");

    public ILocator Questions => Page.Locator(".message.user");

    /// <summary>Sends a message and does not wait.</summary>
    public async Task SayAsync(string text)
    {
        await Page.FillAsync("#prompt", text);
        await Page.PressAsync("#prompt", "Enter");
    }

    /// <summary>Sends a message and waits until it is answered.</summary>
    public async Task AskAsync(string text)
    {
        await SayAsync(text);
        await IdleAsync();
    }

    /// <summary>Waits until no answer is being written.</summary>
    public Task IdleAsync() => Assertions.Expect(Page.Locator("#log")).ToHaveAttributeAsync("aria-busy", "false");

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
