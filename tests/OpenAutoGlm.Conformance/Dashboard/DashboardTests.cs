using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace OpenAutoGlm.Dashboard;

/// <summary>A walk through the dashboard in Chromium, on a server with a real engine.</summary>
public sealed class DashboardTests(ChromiumFixture chromium) : IClassFixture<ChromiumFixture>
{
    [Fact]
    public async Task A_chat_streams_tells_its_speed_and_survives_a_reload()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server);
        await tab.AskAsync("How does a cache make tokens faster?");
        await Assertions.Expect(tab.Answers.Locator("strong").First).ToHaveTextAsync("one token at a time");
        await Assertions.Expect(tab.Answers.Locator(".figures")).ToContainTextAsync("tokens/s");
        await Assertions.Expect(tab.Answers.Locator(".figures")).ToContainTextAsync("to first");
        await Assertions.Expect(tab.Answers.Locator("pre")).ToContainTextAsync("while (!sequence.HasEnded)");
        await Assertions.Expect(tab.Answers.Locator(".thinking summary")).ToContainTextAsync("Thought");
        Assert.False(await tab.Answers.Locator(".thinking .prose").IsVisibleAsync());
        await tab.Answers.Locator(".thinking summary").ClickAsync();
        await Assertions.Expect(tab.Answers.Locator(".thinking .prose")).ToContainTextAsync("The question is about speed");
        await tab.Page.ReloadAsync();
        await Assertions.Expect(tab.Answers.Locator("strong").First).ToHaveTextAsync("one token at a time");
        await tab.Page.ClickAsync("#chat-new");
        await Assertions.Expect(tab.Answers).ToHaveCountAsync(0);
        await Assertions.Expect(tab.Page.Locator(".conversation")).ToHaveCountAsync(1);
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task An_answer_is_stopped_by_the_button_and_by_escape_and_asked_for_again()
    {
        await using DashboardServer server = await DashboardServer.StartAsync(paceMs: 15);
        await using DashboardTab tab = await chromium.OpenAsync(server);
        await tab.SayAsync("Something long, please");
        await Assertions.Expect(tab.Answers).ToContainTextAsync("word3");
        await tab.Page.ClickAsync("#stop");
        await tab.IdleAsync();
        await Assertions.Expect(tab.Answers.Locator(".figures")).ToContainTextAsync("stopped");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Answer again" }).ClickAsync();
        await Assertions.Expect(tab.Answers).ToContainTextAsync("word3");
        await tab.Page.Keyboard.PressAsync("Escape");
        await tab.IdleAsync();
        await Assertions.Expect(tab.Answers).ToHaveCountAsync(1);
        await Assertions.Expect(tab.Answers.Locator(".figures")).ToContainTextAsync("stopped");
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task A_message_is_edited_and_what_followed_it_is_gone()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server);
        await tab.AskAsync("Hello there");
        await tab.AskAsync("A haiku, please");
        await Assertions.Expect(tab.Answers).ToHaveCountAsync(2);
        await tab.Questions.First.HoverAsync();
        await tab.Questions.First.GetByRole(AriaRole.Button, new() { Name = "Edit message" }).ClickAsync();
        ILocator field = tab.Page.GetByLabel("Edit message").Locator("visible=true").First;
        await field.FillAsync("A haiku instead");
        await field.PressAsync("Enter");
        await tab.IdleAsync();
        await Assertions.Expect(tab.Questions).ToHaveTextAsync(["A haiku instead"]);
        await Assertions.Expect(tab.Answers).ToHaveCountAsync(1);
        await Assertions.Expect(tab.Answers).ToContainTextAsync("Fans fall into sleep.");
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task Text_never_becomes_markup_and_thinking_between_tags_is_folded()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server);
        await tab.AskAsync("Show me markup <b>now</b>");
        ILocator prose = tab.Answers.Locator("> .prose");
        await Assertions.Expect(prose).ToContainTextAsync("<script>document.title='owned'</script>");
        await Assertions.Expect(prose.Locator("img, script, b")).ToHaveCountAsync(0);
        await Assertions.Expect(prose.Locator("a")).ToHaveCountAsync(1);
        await Assertions.Expect(prose.Locator("a")).ToHaveAttributeAsync("href", "https://example.org/a_(b)?c=d&e");
        Assert.Contains("noopener", await prose.Locator("a").GetAttributeAsync("rel"), StringComparison.Ordinal);
        await Assertions.Expect(prose.Locator("strong code")).ToHaveTextAsync("code");
        await Assertions.Expect(prose.Locator("li li")).ToHaveTextAsync("two");
        await Assertions.Expect(prose.Locator("pre")).ToHaveTextAsync("<b onclick=alert(1)>");
        Assert.DoesNotContain("owned", await tab.Page.TitleAsync(), StringComparison.Ordinal);
        await tab.AskAsync("A tagged thought");
        await Assertions.Expect(tab.Answers.Last.Locator("> .prose")).ToHaveTextAsync("The answer stands after the thought.");
        await Assertions.Expect(tab.Answers.Last.Locator(".thinking .prose")).ToHaveTextAsync("First I weigh it.");
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task The_theme_follows_the_system_until_it_is_switched_and_stays()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server, scheme: ColorScheme.Dark);
        const string ground = "getComputedStyle(document.body).backgroundColor";
        string dark = await tab.Page.EvaluateAsync<string>(ground);
        await tab.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        string light = await tab.Page.EvaluateAsync<string>(ground);
        Assert.NotEqual(dark, light);
        await tab.Page.ClickAsync("#theme");
        await tab.Page.ClickAsync("#theme");
        Assert.Equal("Theme: dark", await tab.Page.GetAttributeAsync("#theme", "aria-label"));
        Assert.Equal(dark, await tab.Page.EvaluateAsync<string>(ground));
        await tab.Page.ReloadAsync();
        Assert.Equal(dark, await tab.Page.EvaluateAsync<string>(ground));
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task A_running_request_is_seen_and_cancelled()
    {
        await using DashboardServer server = await DashboardServer.StartAsync(paceMs: 25);
        await using DashboardTab tab = await chromium.OpenAsync(server, view: "#live");
        Task<HttpResponseMessage> answer = server.AskAsync("Something long, please");
        ILocator row = tab.Page.Locator(".requests tbody tr");
        await Assertions.Expect(row).ToHaveCountAsync(1);
        await Assertions.Expect(row.Locator(".state")).ToHaveTextAsync("writing");
        await Assertions.Expect(row).ToContainTextAsync(DashboardServer.Model);
        await row.GetByRole(AriaRole.Button).ClickAsync();
        await Assertions.Expect(row).ToHaveCountAsync(0);
        HttpResponseMessage ended = await answer;
        Assert.Equal(499, (int)ended.StatusCode);
        await Assertions.Expect(tab.Page.Locator(".requests .none")).ToBeVisibleAsync();
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task A_model_is_loaded_and_unloaded()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server, view: "#live");
        ILocator model = tab.Page.Locator($".models li[data-id='{DashboardServer.Other}']");
        await Assertions.Expect(model.Locator(".badge")).ToHaveTextAsync("unloaded");
        await model.GetByRole(AriaRole.Button, new() { Name = "Load" }).ClickAsync();
        await Assertions.Expect(model.Locator(".badge")).ToHaveTextAsync("loaded");
        await model.GetByRole(AriaRole.Button, new() { Name = "Unload" }).ClickAsync();
        await Assertions.Expect(model.Locator(".badge")).ToHaveTextAsync("unloaded");
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task A_call_of_a_tool_is_shown_and_its_result_is_sent_back()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server);
        List<JsonNode> sent = [];
        await tab.Page.RouteAsync("**/v1/chat/completions", route =>
        {
            // The small model knows no form of calls, so it hears of them as plain text.
            JsonNode body = JsonNode.Parse(route.Request.PostData!)!;
            sent.Add(body.DeepClone());
            body.AsObject().Remove("tools");
            body["messages"] = new JsonArray([new JsonObject { ["role"] = "user", ["content"] = (string?)body["messages"]!.AsArray()[^1]!["content"] }]);
            return route.ContinueAsync(new() { PostData = Encoding.UTF8.GetBytes(body.ToJsonString()) });
        });
        await tab.Page.ClickAsync("#settings-open");
        await tab.Page.FillAsync("#tools", "{");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();
        await Assertions.Expect(tab.Page.Locator("#tools-problem")).ToContainTextAsync("Not JSON");
        await tab.Page.FillAsync("#tools", """[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]""");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();
        await tab.AskAsync("The weather, please");
        await Assertions.Expect(tab.Answers.Locator(".call summary")).ToContainTextAsync("get_weather");
        await Assertions.Expect(tab.Answers.Locator(".call pre")).ToContainTextAsync("\"city\": \"Oslo\"");
        await tab.Page.GetByLabel("Result of get_weather").FillAsync("12 degrees, says a haiku");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Give result" }).ClickAsync();
        await Assertions.Expect(tab.Answers).ToHaveCountAsync(2);
        await tab.IdleAsync();
        await Assertions.Expect(tab.Answers.Last).ToContainTextAsync("Fans fall into sleep.");
        Assert.Equal("get_weather", (string)sent[0]["tools"]![0]!["function"]!["name"]!);
        Assert.Equal(["user", "assistant", "tool"], sent[1]["messages"]!.AsArray().Select(message => (string)message!["role"]!));
        Assert.Equal("call_1", (string)sent[1]["messages"]![1]!["tool_calls"]![0]!["id"]!);
        Assert.Equal("call_1", (string)sent[1]["messages"]![2]!["tool_call_id"]!);
        Assert.Empty(tab.Faults);
    }

    [Theory]
    [InlineData(390, 844)]
    [InlineData(768, 1024)]
    [InlineData(1440, 900)]
    public async Task Nothing_is_wider_than_the_window(int width, int height)
    {
        await using DashboardServer server = await DashboardServer.StartAsync(paceMs: 8);
        await using DashboardTab tab = await chromium.OpenAsync(server, width, height);
        await FitsAsync();
        await tab.AskAsync("How does a cache make tokens faster?");
        await FitsAsync();
        Task<HttpResponseMessage> running = server.AskAsync("Something long, please");
        await tab.Page.ClickAsync("#to-live");
        await Assertions.Expect(tab.Page.Locator(".requests tbody tr")).ToHaveCountAsync(1);
        await FitsAsync();
        await running;
        Assert.Empty(tab.Faults);

        async Task FitsAsync() => Assert.Equal("", await tab.Page.EvaluateAsync<string>("""
            () => [document.documentElement, document.body, ...document.querySelectorAll("#log, #live, .card, .message")]
              .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && !element.matches(".tile"))
              .map((element) => `${element.tagName}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`).join(", ")
            """));
    }

    [Fact]
    public async Task The_keyboard_reaches_everything_in_order()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server);
        List<string> reached = [];
        for (int i = 0; i < 12; i++)
        {
            await tab.Page.Keyboard.PressAsync("Tab");
            reached.Add(await tab.Page.EvaluateAsync<string>("document.activeElement.id || document.activeElement.className"));
            Assert.True(await tab.Page.EvaluateAsync<bool>("document.activeElement.matches(':focus-visible')"), reached[^1]);
        }

        Assert.Equal(["skip", "brand", "to-chat", "to-live", "theme", "settings-open", "chat-new", "log"], reached[..8]);
        await tab.Page.FocusAsync("#prompt");
        await tab.Page.Keyboard.TypeAsync("Hello");
        await tab.Page.Keyboard.PressAsync("Shift+Enter");
        await tab.Page.Keyboard.TypeAsync("there");
        await tab.Page.Keyboard.PressAsync("Enter");
        await tab.IdleAsync();
        await Assertions.Expect(tab.Questions.Locator(".bubble")).ToHaveTextAsync("Hello\nthere");
        Assert.Empty(tab.Faults);
    }

    [Theory]
    [InlineData(1440, ColorScheme.Light)]
    [InlineData(1440, ColorScheme.Dark)]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Axe_finds_nothing_serious(int width, ColorScheme scheme)
    {
        string script = await File.ReadAllTextAsync(AxePath(), TestContext.Current.CancellationToken);
        await using DashboardServer server = await DashboardServer.StartAsync(paceMs: 25);
        await using DashboardTab tab = await chromium.OpenAsync(server, width, 900, scheme);
        await CheckAsync("welcome");
        await tab.AskAsync("How does a cache make tokens faster?");
        await tab.Answers.Locator(".thinking summary").ClickAsync();
        await CheckAsync("chat");
        await tab.Page.ClickAsync("#settings-open");
        await CheckAsync("settings");
        await tab.Page.Keyboard.PressAsync("Escape");
        Task<HttpResponseMessage> running = server.AskAsync("Something long, please");
        await tab.Page.ClickAsync("#to-live");
        await Assertions.Expect(tab.Page.Locator(".requests tbody tr")).ToHaveCountAsync(1);
        await CheckAsync("live");
        await running;

        async Task CheckAsync(string where)
        {
            await tab.Page.EvaluateAsync($"() => {{ if (!window.axe) {{ {script} }} }}");
            JsonElement faults = await tab.Page.EvaluateAsync<JsonElement>("""
                async () => (await axe.run()).violations.filter((fault) => ["serious", "critical"].includes(fault.impact))
                  .map((fault) => `${fault.id}: ${fault.help}: ${fault.nodes.map((node) => node.target).join(" | ")}`)
                """);
            Assert.True(faults.GetArrayLength() == 0, $"{where}: {faults}");
        }
    }

    [Fact]
    public async Task A_server_without_the_live_routes_says_why_and_chats_on()
    {
        await using DashboardServer server = await DashboardServer.StartAsync();
        await using DashboardTab tab = await chromium.OpenAsync(server);
        await tab.Page.RouteAsync("**/admin/**", route => route.FulfillAsync(new() { Status = 403, ContentType = "application/json", Body = """{"error": {"message": "Not from here.", "code": "admin_is_local"}}""" }));
        await tab.Page.ClickAsync("#to-live");
        await Assertions.Expect(tab.Page.Locator(".closed")).ToContainTextAsync("Not from here.");
        await tab.Page.ClickAsync("#to-chat");
        await tab.AskAsync("Hello");
        await Assertions.Expect(tab.Answers).ToContainTextAsync("nothing in particular");
    }

    static string AxePath()
    {
        string path = Path.Combine(Repository.Root, "tests", "OpenAutoGlm.Conformance", "Dashboard", "node_modules", "axe-core", "axe.min.js");
        Assert.True(File.Exists(path), "axe is not installed: run npm install --prefix tests/OpenAutoGlm.Conformance/Dashboard");
        return path;
    }
}
