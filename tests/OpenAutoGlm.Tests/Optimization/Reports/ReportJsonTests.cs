using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Optimization.Reports;

public class ReportJsonTests
{
    [Fact]
    public void A_report_comes_back_from_its_JSON_unchanged()
    {
        string json = SampleReport.Of().ToJson();
        Assert.Equal(json, OptimizationReport.FromJson(json).ToJson());
    }

    [Fact]
    public void Names_are_camelCase_and_stay()
    {
        JsonNode report = JsonNode.Parse(SampleReport.Of().ToJson())!;
        Assert.Equal(
            [
                "version", "written", "program", "model", "result", "machine", "wish", "summary", "decisions", "comparison", "quality", "sensitivity", "formats",
                "candidates", "fusion", "analysis", "resultAnalysis", "pruning", "elsewhere", "stages", "commands", "warnings", "shortfalls",
            ],
            report.AsObject().Select(property => property.Key));
        Assert.Equal("kept", (string?)report["wish"]!["promises"]![0]!["outcome"]);
        Assert.Equal("atLeast", (string?)report["wish"]!["promises"]![3]!["limit"]);
        Assert.Equal("Q4_K", (string?)report["formats"]!["cells"]![0]!["format"]);
        Assert.Equal("tokensPerSecond", (string?)report["comparison"]![2]!["unit"]);
        Assert.Equal("memory", (string?)report["analysis"]!["runs"]![0]!["operators"]![0]!["bound"]);
    }

    [Fact]
    public void What_a_report_leaves_out_is_empty_when_it_comes_back()
    {
        OptimizationReport sample = SampleReport.Of();
        OptimizationReport bare = OptimizationReport.FromJson(new OptimizationReport { Written = sample.Written, Program = "test", Model = sample.Model, Machine = sample.Machine }.ToJson());
        Assert.Null(bare.Result);
        Assert.Null(bare.Formats);
        Assert.Empty(bare.Candidates);
        OptimizationReport bald = OptimizationReport.FromJson($$$"""
            {"version": 1, "written": "2026-01-01T00:00:00+00:00", "program": "test", "model": {{{JsonNode.Parse(sample.ToJson())!["model"]}}}, "machine": {{{JsonNode.Parse(sample.ToJson())!["machine"]}}}, "wish": {"text": "x"}}
            """);
        Assert.Empty(bald.Warnings);
        Assert.Empty(bald.Wish!.Promises);
    }

    [Fact]
    public void Numbers_that_are_not_finite_survive()
    {
        OptimizationReport sample = SampleReport.Of();
        string json = (sample with { Quality = sample.Quality! with { Before = new QualityFigures(double.PositiveInfinity, double.NaN, double.NaN) } }).ToJson();
        QualityFigures read = OptimizationReport.FromJson(json).Quality!.Before;
        Assert.Equal(double.PositiveInfinity, read.Perplexity);
        Assert.Equal(double.NaN, read.PerplexityError);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"program": 3}""")]
    [InlineData("{}")]
    public void What_is_no_report_is_refused(string text) => Assert.Throws<FormatException>(() => OptimizationReport.FromJson(text));

    [Fact]
    public void A_newer_layout_is_refused_by_its_number()
    {
        string json = (SampleReport.Of() with { Version = 7 }).ToJson();
        Assert.Contains("layout 7", Assert.Throws<FormatException>(() => OptimizationReport.FromJson(json)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_with_every_kind_of_sign_survives()
    {
        string name = "</script><b>\"'&\u2028\0 模型 🦙";
        OptimizationReport report = OptimizationReport.FromJson(SampleReport.Of(name).ToJson());
        Assert.Equal(name, report.Model.Name);
        using JsonDocument document = JsonDocument.Parse(report.ToJson());
        Assert.Equal(name, document.RootElement.GetProperty("model").GetProperty("name").GetString());
    }
}
