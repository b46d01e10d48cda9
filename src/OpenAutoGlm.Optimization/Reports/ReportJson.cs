using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>How a report becomes JSON and a record again.</summary>
static class ReportJson
{
    // Words are for people: only what JSON itself needs is escaped.
    static readonly ReportJsonContext Plain = new(new JsonSerializerOptions(ReportJsonContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static string Write(OptimizationReport report) => JsonSerializer.Serialize(report, Plain.OptimizationReport);

    public static string Write(ModelAnalysis analysis) => JsonSerializer.Serialize(analysis, Plain.ModelAnalysis);

    public static OptimizationReport Read(string json)
    {
        try
        {
            OptimizationReport report = JsonSerializer.Deserialize(json, Plain.OptimizationReport) ?? throw new FormatException("The report is null.");
            return report.Version <= OptimizationReport.CurrentVersion
                ? report
                : throw new FormatException($"The report has layout {report.Version}; this program knows layouts up to {OptimizationReport.CurrentVersion}: use a newer one.");
        }
        catch (JsonException error)
        {
            throw new FormatException($"This is no report of an optimisation: {error.Message}", error);
        }
    }
}

/// <summary>
/// Names in camelCase. Numbers that are not finite are the strings "NaN", "Infinity" and "-Infinity", because the report of
/// a broken model must still be readable.
/// </summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(OptimizationReport))]
[JsonSerializable(typeof(ModelAnalysis))]
sealed partial class ReportJsonContext : JsonSerializerContext;
