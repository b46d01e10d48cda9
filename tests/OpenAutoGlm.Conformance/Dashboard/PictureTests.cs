using Microsoft.Playwright;

namespace OpenAutoGlm.Dashboard;

/// <summary>The pictures of the dashboard in the documentation. AUTOGLM_APPROVE=1 takes them anew.</summary>
public sealed class PictureTests(ChromiumFixture chromium) : IClassFixture<ChromiumFixture>
{
    const int MostBytes = 200_000;

    [Fact]
    public async Task The_pictures_can_be_taken_and_are_small()
    {
        await using DashboardServer server = await DashboardServer.StartAsync(paceMs: 22, sequences: 6);
        await using DashboardTab light = await chromium.OpenAsync(server);
        await FillAsync(light);
        await SaveAsync(light, "dashboard-light.png");

        await using DashboardTab phone = await chromium.OpenAsync(server, 390, 844);
        await FillAsync(phone);
        await SaveAsync(phone, "dashboard-phone.png");

        await using DashboardTab dark = await chromium.OpenAsync(server, scheme: ColorScheme.Dark, view: "#live");
        Random arrivals = new(5);
        List<Task<HttpResponseMessage>> answers = [];
        bool isApproving = Environment.GetEnvironmentVariable("AUTOGLM_APPROVE") == "1";
        for (int i = 0; i < (isApproving ? 60 : 4); i++)
        {
            answers.Add(server.AskAsync(arrivals.Next(3) switch { 0 => "Something long", 1 => "What is a token?", _ => "Hello" }));
            await Task.Delay(arrivals.Next(200, i is > 20 and < 30 ? 4000 : 1500), TestContext.Current.CancellationToken);
        }

        await Assertions.Expect(dark.Page.Locator(".requests tbody tr")).Not.ToHaveCountAsync(0);
        await SaveAsync(dark, "dashboard-dark.png");
        await Task.WhenAll(answers);
    }

    static async Task FillAsync(DashboardTab tab)
    {
        await tab.AskAsync("A haiku about a quiet machine");
        await tab.Page.EvaluateAsync("document.getElementById('chat-new').click()");
        await tab.AskAsync("How does a key-value cache make tokens come faster?");
        await tab.Page.EvaluateAsync("document.getElementById('log').scrollTop = 0");
    }

    static async Task SaveAsync(DashboardTab tab, string name)
    {
        byte[] picture = await tab.Page.ScreenshotAsync(new() { Animations = ScreenshotAnimations.Disabled });
        Assert.InRange(picture.Length, 10_000, MostBytes);
        if (Environment.GetEnvironmentVariable("AUTOGLM_APPROVE") == "1")
        {
            await File.WriteAllBytesAsync(Path.Combine(Repository.Root, "docs", "images", name), picture, TestContext.Current.CancellationToken);
        }

        Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", "images", name)), $"docs/images/{name} is missing: run this test with AUTOGLM_APPROVE=1.");
    }
}
