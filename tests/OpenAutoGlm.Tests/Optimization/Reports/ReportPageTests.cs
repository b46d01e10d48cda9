using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

using System.Xml.Linq;
using OpenAutoGlm.Optimization.Reports.Page;

namespace OpenAutoGlm.Optimization.Reports;

public partial class ReportPageTests
{
    static readonly string[] Hostile =
    [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</style></svg></title><b>", "{{7*7}} ${7*7} `x`", "javascript:alert(1)",
        "\u202Eevil\u202C", "a\0b\u0007c", "\uD800 alone", "]]>--><!--", "&lt;b&gt; &amp;amp;", "模型 🦙 ‹é›",
    ];

    /// <summary>The page is also well-formed XML apart from its first lines, so that a test can read it with a strict reader.</summary>
    static XElement Body(string html)
    {
        string body = html[html.IndexOf("<body>", StringComparison.Ordinal)..(html.IndexOf("</body>", StringComparison.Ordinal) + 7)];
        body = Script().Replace(body, "").Replace("<br>", "<br/>", StringComparison.Ordinal);
        return XElement.Parse(body, LoadOptions.PreserveWhitespace);
    }

    [Fact]
    public void The_page_is_the_same_for_a_report_and_for_its_JSON() =>
        Assert.Equal(SampleReport.Of().ToHtml(), OptimizationReport.FromJson(SampleReport.Of().ToJson()).ToHtml());

    [Fact]
    public void Every_number_on_the_page_stands_in_the_JSON()
    {
        OptimizationReport report = SampleReport.Of();
        (HashSet<double> numbers, List<string> texts) = Said(report.ToJson());
        XElement page = Body(report.ToHtml());
        foreach (XElement data in page.Descendants("data"))
        {
            Assert.Contains(double.Parse(data.Attribute("value")!.Value, CultureInfo.InvariantCulture), numbers);
        }

        // In words too: each number that is read must be how one of the record is written.
        HashSet<string> written = [.. numbers.SelectMany(number => Enum.GetValues<ReportUnit>().SelectMany(unit => new[] { new Figure(number, unit).Text, new Figure(number, unit, true).Text })).SelectMany(text => Number().Matches(text).Select(match => match.Value))];
        texts = [.. texts.Where(text => text.Any(char.IsDigit)).Distinct().OrderByDescending(text => text.Length)];
        string[] fixedWords = ["99 in 100 below", "9 in 10 below", "float32 arithmetic", "bfloat16 products", "int8 products", "float32", "bfloat16", "int8"];
        foreach (XText text in page.DescendantNodes().OfType<XText>().Where(text => text.Value.Any(char.IsDigit) && text.Parent!.Name != "data" && text.Parent.Name != "time" && !Classes(text.Parent).Contains("tick")))
        {
            string rest = text.Value;
            foreach (string known in fixedWords.Concat(texts).Where(known => known.Length > 0))
            {
                rest = rest.Replace(known, "", StringComparison.OrdinalIgnoreCase);
            }

            foreach (string number in Number().Matches(rest).Select(match => match.Value))
            {
                Assert.True(written.Contains(number) || BitLabels.Contains(number) && Classes(text.Parent!.Parent!).Contains("cell"), $"'{number}' in '{text.Value}' stands on the page and not in the JSON.");
            }
        }
    }

    static readonly string[] BitLabels = ["2", "3", "4", "5", "6", "8", "16", "32"];

    [Fact]
    public void A_number_that_only_the_page_has_would_be_found()
    {
        string html = SampleReport.Of().ToHtml();
        (HashSet<double> numbers, _) = Said(SampleReport.Of().ToJson());
        Assert.DoesNotContain(0.12345, numbers);
        Assert.Contains("<data value=", html, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HostileNames))]
    public void A_hostile_name_stays_text(int index)
    {
        string name = Hostile[index];
        OptimizationReport report = Everywhere(SampleReport.Of(name, layers: 3), name);
        XElement harmless = Body(Everywhere(SampleReport.Of("harmless", layers: 3), "harmless").ToHtml());
        XElement page = Body(report.ToHtml());
        Assert.Equal(Shape(harmless), Shape(page));
        Assert.Contains(name.Trim().Replace('\0', '\uFFFD').Replace('\u0007', '\uFFFD').Replace('\uD800', '\uFFFD'), page.Descendants("h1").Single().Value, StringComparison.Ordinal);
    }

    public static TheoryData<int> HostileNames => [.. Enumerable.Range(0, Hostile.Length)];

    [Fact]
    public void A_page_asks_for_nothing_from_outside_and_forbids_it()
    {
        string html = SampleReport.Of().ToHtml();
        Assert.Contains("default-src 'none'", WebUtility.HtmlDecode(html), StringComparison.Ordinal);
        Assert.DoesNotMatch("(?i)(src|href)=\"(https?:)?//", html);
        Assert.DoesNotMatch(@"(?i)url\(|@import|<iframe|<object|<embed", html);
        Assert.DoesNotMatch("(?i)<[^>]+ (style|on[a-z]+)=\"", html);
        Assert.Equal(2, Regex.Count(html, "sha256-"));
    }

    [Fact]
    public void Parts_that_were_not_looked_at_are_left_out()
    {
        OptimizationReport sample = SampleReport.Of();
        string bare = new OptimizationReport { Written = sample.Written, Program = "test", Model = sample.Model, Machine = sample.Machine }.ToHtml();
        XElement page = Body(bare);
        Assert.Equal(["model"], page.Descendants("main").Single().Elements("section").Select(section => (string?)section.Attribute("id")));
        Assert.DoesNotContain("NaN", bare, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_part_can_be_missing_and_each_number_can_be_broken()
    {
        OptimizationReport sample = SampleReport.Of(layers: 2);
        _ = (sample with { Quality = null, Formats = null, Sensitivity = null }).ToHtml();
        _ = (sample with { Analysis = null, ResultAnalysis = null, Fusion = null, Wish = null, Result = null }).ToHtml();
        foreach (double broken in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0, -1, 1e300, double.Epsilon })
        {
            string json = Regex.Replace(sample.ToJson(), @"(?<=""(before|after|meanKl|perplexity|score|error|seconds|bytesPerSecond|secondsPerToken|perplexityError|predicted|cost)"": )[-\d.eE+]+", Text(broken));
            string html = OptimizationReport.FromJson(json).ToHtml();
            Assert.DoesNotMatch("(x|y|x1|x2|y1|y2|cx|cy|r|width|height)=\"[^\"]*(NaN|∞|Infinity)", html);
            _ = Body(html);
        }

        static string Text(double value) => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : $"\"{value.ToString(CultureInfo.InvariantCulture)}\"";
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(48)]
    [InlineData(49)]
    [InlineData(126)]
    public void Every_layer_and_role_has_its_cell(int layers)
    {
        OptimizationReport report = SampleReport.Of(layers: layers);
        XElement section = Body(report.ToHtml()).Descendants("section").Single(one => (string?)one.Attribute("id") == "formats");
        XElement[] cells = [.. section.Descendants("g").Where(group => Classes(group).Contains("cell"))];
        Assert.Equal(report.Formats!.Cells.Length, cells.Length);
        XElement picture = section.Descendants("svg").Single(svg => (string?)svg.Attribute("role") == "img");
        double width = Number(picture, "width");
        double height = Number(picture, "height");
        HashSet<(double, double)> places = [];
        foreach (XElement rect in cells.Select(cell => cell.Element("rect")!))
        {
            Assert.True(places.Add((Number(rect, "x"), Number(rect, "y"))), "Two cells lie on each other.");
            Assert.InRange(Number(rect, "x") + Number(rect, "width"), 0, width);
            Assert.InRange(Number(rect, "y") + Number(rect, "height"), 0, height);
        }

        static double Number(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Pictures_have_names_and_descriptions_and_tables_captions()
    {
        XElement page = Body(SampleReport.Of().ToHtml());
        Assert.All(page.Descendants("table"), table => Assert.NotEmpty(table.Element("caption")!.Value));
        Assert.All(page.Descendants("svg").Where(svg => svg.Attribute("aria-hidden") is null), svg =>
        {
            Assert.NotEmpty(svg.Element("title")!.Value);
            Assert.NotEmpty(svg.Element("desc")!.Value);
        });
        string[] ids = [.. page.DescendantsAndSelf().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(page.Descendants("a").Attributes("href"), link => Assert.Contains(link.Value[1..], ids));
    }

    static OptimizationReport Everywhere(OptimizationReport report, string name) => report with
    {
        Program = name,
        Model = report.Model with { Source = name, Architecture = name },
        Machine = report.Machine with { Processor = name, Extensions = [name] },
        Wish = new ReportedWish(name, [report.Wish!.Promises[0] with { What = name, Note = name }]),
        Summary = [name],
        Warnings = [name],
        Shortfalls = [name],
        Decisions = [new Decision(name, name)],
        Quality = report.Quality! with { Data = name, Tasks = [report.Quality.Tasks[0] with { Name = name, Kind = name }] },
        Sensitivity = report.Sensitivity! with { Measure = name, Rows = [.. report.Sensitivity.Rows.Select((row, i) => i == 0 ? row with { Group = name, Role = name, Chosen = name } : row)] },
        Formats = report.Formats! with { Roles = [name, .. report.Formats.Roles], Cells = [.. report.Formats.Cells, new FormatCell(0, name, Graph.Formats.TensorFormat.F32, Graph.Formats.TensorFormat.F32, 1, 4) { Method = name }] },
        Candidates = [.. report.Candidates.Select(one => one.Kind == CandidateKind.Chosen ? one with { Name = name } : one)],
        Commands = [new ReportedCommand(name, name)],
    };

    /// <summary>Names of elements and attributes, in order.</summary>
    static string Shape(XElement page) => string.Join('\n', page.DescendantsAndSelf().Select(element => $"{element.Name} {string.Join(' ', element.Attributes().Select(attribute => attribute.Name))}"));

    static string[] Classes(XElement element) => element.Attribute("class")?.Value.Split(' ') ?? [];

    static (HashSet<double> Numbers, List<string> Texts) Said(string json)
    {
        HashSet<double> numbers = [];
        List<string> texts = [];
        using JsonDocument document = JsonDocument.Parse(json);
        Walk(document.RootElement);
        return (numbers, texts);

        void Walk(JsonElement element)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.Object:
                    foreach (JsonProperty property in element.EnumerateObject())
                    {
                        Walk(property.Value);
                    }

                    break;
                case JsonValueKind.Array:
                    foreach (JsonElement one in element.EnumerateArray())
                    {
                        Walk(one);
                    }

                    break;
                case JsonValueKind.String:
                    texts.Add(element.GetString()!);
                    break;
                case JsonValueKind.Number:
                    numbers.Add(element.GetDouble());
                    break;
            }
        }
    }

    [GeneratedRegex("<script>.*?</script>", RegexOptions.Singleline)]
    private static partial Regex Script();

    [GeneratedRegex(@"\d+(,\d{3})*(\.\d+)?")]
    private static partial Regex Number();
}
