using System.Security.Cryptography;
using System.Text;
using OpenAutoGlm.Optimization.Reports.Page.Parts;

namespace OpenAutoGlm.Optimization.Reports.Page;

/// <summary>
/// The report as one page: styles, pictures and a small script in the file itself, nothing from anywhere else, and a
/// policy that lets a browser load nothing more. It reads the record and measures nothing.
/// </summary>
static class ReportPage
{
    static readonly string Style = Resource("report.css");
    static readonly string Script = Resource("report.js");
    static readonly string Policy =
        $"default-src 'none'; style-src '{Hash(Style)}'; script-src '{Hash(Script)}'; img-src data:; base-uri 'none'; form-action 'none'";

    public static string Of(OptimizationReport report)
    {
        Section?[] parts =
        [
            WishPart.Of(report), ChangePart.Of(report), QualityPart.Of(report), DecisionPart.Of(report), FormatPart.Of(report), SensitivityPart.Of(report),
            CandidatePart.Of(report), TimePart.Of(report), MemoryPart.Of(report), AdvicePart.Of(report), FusionPart.Of(report), PruningPart.Of(report),
            ElsewherePart.Of(report), ModelPart.Of(report), CommandPart.Of(report),
        ];
        Section[] sections = [.. parts.OfType<Section>()];
        Markup links = Markup.Join(sections, section => Markup.Of($"<li><a href=\"#{section.Id}\">{section.Title}</a></li>"));
        Markup body = Markup.Join(sections, section => section.ToMarkup());

        // The two files are ours and hold no "</"; everything else has gone through Markup.
        return Markup.Of($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="{Policy}">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="generator" content="{report.Program}">
            <title>{report.Model.Name}: optimisation report</title>
            <link rel="icon" href="data:,">
            <style>
            """)
            + Style + Markup.Of($"""
            </style>
            </head>
            <body>
            <a class="skip" href="#content">Skip to the report</a>
            {HeadPart.Of(report)}
            <div class="columns">
            <nav aria-label="Parts of the report"><ol>{links}</ol></nav>
            <main id="content">
            {HeadPart.Notices(report)}
            {body}</main>
            </div>
            {HeadPart.Foot(report)}
            <script>
            """) + Script + "</script>\n</body>\n</html>\n";
    }

    static string Hash(string text) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    static string Resource(string name)
    {
        using Stream stream = typeof(ReportPage).Assembly.GetManifestResourceStream("OpenAutoGlm.Optimization.Reports." + name)!;
        using StreamReader reader = new(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
