using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Server.Dashboard;

public partial class DashboardPageTests
{
    const int MostBytes = 150_000;

    static readonly Dictionary<string, string> Files = DashboardPage.Names.ToDictionary(name => name, name => Encoding.UTF8.GetString(DashboardPage.Read(name)));

    [Fact]
    public async Task The_page_and_its_files_come_with_a_strict_policy_and_are_kept_by_the_browser()
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.Contains("index.html", Files.Keys);
        foreach (string name in Files.Keys)
        {
            string address = name == "index.html" ? "/" : "/dashboard/" + name;
            HttpResponseMessage first = await server.Client.GetAsync(address, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
            Assert.Equal(Files[name], await first.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            string policy = first.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", first.Headers.GetValues("X-Content-Type-Options").Single());
            HttpRequestMessage again = new(HttpMethod.Get, address) { Headers = { IfNoneMatch = { new EntityTagHeaderValue("\"other\""), first.Headers.ETag! } } };
            HttpResponseMessage second = await server.Client.SendAsync(again, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.NotModified, 0), (second.StatusCode, (await second.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).Length));
            HttpResponseMessage head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, address), TestContext.Current.CancellationToken);
            Assert.Equal(first.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
        }
    }

    [Fact]
    public async Task Without_the_page_its_routes_are_not_there_but_the_status_is()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { Dashboard = false });
        await server.Client.GetAsync("/", TestContext.Current.CancellationToken).ErrorAsync(404);
        await server.Client.GetAsync("/dashboard/app.js", TestContext.Current.CancellationToken).ErrorAsync(404);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/admin/status", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public void The_page_is_small_and_holds_together() => Assert.All(Files, file =>
    {
        Assert.InRange(Files.Values.Sum(Encoding.UTF8.GetByteCount), 1, MostBytes);
        foreach (Match reference in References().Matches(file.Value))
        {
            Assert.Contains(reference.Groups[1].Value, Files.Keys);
        }
    });

    [Fact]
    public void Nothing_comes_from_elsewhere_and_no_text_becomes_markup()
    {
        Assert.DoesNotMatch(InlineScript(), Files["index.html"]);
        foreach ((string name, string text) in Files)
        {
            Assert.All(Addresses().Matches(text), address => Assert.Equal("http://www.w3.org/2000/svg", address.Value));
            Assert.False(Sinks().IsMatch(text), $"{name} has {Sinks().Match(text).Value}, which reads text as markup or code.");
        }
    }

    [GeneratedRegex("""(?:(?:src|href)="dashboard/|from "\./|import "\./)([^"]+)""")]
    private static partial Regex References();

    [GeneratedRegex("""<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:""")]
    private static partial Regex InlineScript();

    [GeneratedRegex("""https?://[\w./]+""")]
    private static partial Regex Addresses();

    [GeneratedRegex("""innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment|setHTML|@import|url\(""")]
    private static partial Regex Sinks();
}
