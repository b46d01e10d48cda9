using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Packages;

/// <summary>Sets a summary as a page of text.</summary>
static class ModelDescription
{
    public static string Of(ModelSummary summary)
    {
        StringBuilder page = new();
        Line(page, "model", summary.Name);
        Line(page, "path", summary.Path);
        Line(page, "files", summary.Files);
        Line(page, "architecture", $"{summary.Architecture}: {summary.Layers} layers, {summary.Hidden} wide, {summary.Heads} heads of {summary.HeadDim} over {summary.KvHeads} for keys and values, feed-forward {summary.Inner}");
        if (summary.Experts > 0)
        {
            Line(page, "experts", $"{summary.Experts} in a layer, {summary.ExpertsUsed} for each token");
        }

        string active = summary.ActiveParameters == summary.Parameters ? "" : $", {Count(summary.ActiveParameters)} active for each token";
        Line(page, "parameters", $"{Count(summary.Parameters)}{active}");
        Line(page, "weights", $"{Size(summary.WeightBytes)}, {Number(summary.BitsPerParameter)} bits for each parameter");
        Line(page, "keys, values", $"{Size(summary.KvBytesPerToken)} for each token, {Size(summary.KvBytesAtFullContext)} at full context");
        Line(page, "context", $"{summary.ContextLength.ToString("N0", CultureInfo.InvariantCulture)} tokens");
        Line(page, "vocabulary", $"{summary.Vocab.ToString("N0", CultureInfo.InvariantCulture)} rows");
        Line(page, "tokenizer", summary.Tokenizer ?? "none");
        Line(page, "chat template", Templates(summary));
        Line(page, "end tokens", summary.Generation.EosIds.IsEmpty ? "none stated" : string.Join(", ", summary.Generation.EosIds));
        page.Append('\n').Append("  type      tensors   parameters        bytes\n");
        foreach (FormatShare share in summary.Formats)
        {
            page.Append(CultureInfo.InvariantCulture, $"  {share.Type,-8} {share.Tensors,8} {Count(share.Parameters),12} {Size(share.Bytes),12}\n");
        }

        return page.ToString();
    }

    /// <summary>A number of parameters: 1.24 B, 356 M.</summary>
    internal static string Count(long count) => count switch
    {
        >= 1_000_000_000 => $"{Number(count / 1e9)} B",
        >= 1_000_000 => $"{Number(count / 1e6)} M",
        >= 1_000 => $"{Number(count / 1e3)} K",
        _ => count.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>A number of bytes: 1.23 GiB.</summary>
    internal static string Size(long bytes) => bytes switch
    {
        >= 1L << 30 => $"{Number(bytes / (double)(1L << 30))} GiB",
        >= 1L << 20 => $"{Number(bytes / (double)(1L << 20))} MiB",
        >= 1L << 10 => $"{Number(bytes / (double)(1L << 10))} KiB",
        _ => $"{bytes} B",
    };

    static string Templates(ModelSummary summary)
    {
        string named = summary.NamedChatTemplates.IsEmpty ? "" : $"; also {string.Join(", ", summary.NamedChatTemplates)}";
        return (summary.HasChatTemplate ? "yes" : "none") + named;
    }

    static string Number(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    static void Line(StringBuilder page, string name, string value) => page.Append(CultureInfo.InvariantCulture, $"{name,-14} {value}\n");
}
