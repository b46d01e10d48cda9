using OpenAutoGlm.Models.Packages;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What the model was, what it is, and the machine.</summary>
static class ModelPart
{
    public static Section Of(OptimizationReport report)
    {
        ReportedModel model = report.Model;
        ReportedModel? result = report.Result;
        Table table = result is null
            ? new("The model", ("Property", Column.Text), ("As it came", Column.Number))
            : new("The model", ("Property", Column.Text), ("As it came", Column.Number), ("The result", Column.Number));
        Row("Name", one => Markup.Of($"<bdi>{one.Name}</bdi>"));
        Row("Place", one => Markup.Of($"<bdi>{one.Source ?? "–"}</bdi>"));
        Row("Architecture", one => Markup.Of($"{one.Architecture}"));
        Row("Parameters", one => Figure.Count(one.Parameters).ToMarkup());
        Row("… that a token meets", one => Figure.Count(one.ActiveParameters).ToMarkup());
        Row("Layers", one => Figure.Count(one.Layers).ToMarkup());
        Row("Hidden, inner width", one => Markup.Of($"{Figure.Count(one.Hidden)}, {Figure.Count(one.Inner)}"));
        Row("Heads, with keys and values, width", one => Markup.Of($"{Figure.Count(one.Heads)}, {Figure.Count(one.KvHeads)}, {Figure.Count(one.HeadDim)}"));
        if (model.Experts > 0)
        {
            Row("Experts, used by a token", one => Markup.Of($"{Figure.Count(one.Experts)}, {Figure.Count(one.ExpertsUsed)}"));
        }

        Row("Vocabulary", one => Figure.Count(one.Vocab).ToMarkup());
        Row("Longest sequence", one => Markup.Of($"{Figure.Count(one.ContextLength)} tokens"));
        Row("Weights", one => new Figure(one.WeightBytes, ReportUnit.Bytes).ToMarkup());
        Row("Bits per weight", one => new Figure(one.BitsPerWeight, ReportUnit.BitsPerWeight).ToMarkup());
        Row("Formats", one => Markup.Of($"{Markup.Join(one.Formats, share => Share(share))}"));
        Row("Keys and values", one => Markup.Of($"{one.KvFormat.ToString()}<br>{new Figure(one.KvBytesPerToken, ReportUnit.Bytes)} for each token"));

        ReportedMachine machine = report.Machine;
        Table rates = new("The machine on which all was measured", ("Property", Column.Text), ("Value", Column.Number));
        rates.Row("", Markup.Of($"Processor"), Markup.Of($"{machine.Processor}"))
            .Row("", Markup.Of($"Threads"), Markup.Of($"{Figure.Count(machine.Threads)} on {Figure.Count(machine.UsableCores)} cores"))
            .Row("", Markup.Of($"Instructions"), Markup.Of($"{machine.Architecture}, {machine.InstructionSet}<small>{string.Join(", ", machine.Extensions)}</small>"))
            .Row("", Markup.Of($"Memory"), new Figure(machine.MemoryBytes, ReportUnit.Bytes).ToMarkup())
            .Row("", Markup.Of($"Reading memory"), new Figure(machine.ReadBytesPerSecond, ReportUnit.BytesPerSecond).ToMarkup())
            .Row("", Markup.Of($"float32 arithmetic"), new Figure(machine.FloatOperationsPerSecond, ReportUnit.OperationsPerSecond).ToMarkup())
            .Row("", Markup.Of($"bfloat16 products"), new Figure(machine.BFloat16OperationsPerSecond, ReportUnit.OperationsPerSecond).ToMarkup())
            .Row("", Markup.Of($"int8 products"), new Figure(machine.ByteOperationsPerSecond, ReportUnit.OperationsPerSecond).ToMarkup());
        if (machine.Software is { } software)
        {
            rates.Row("", Markup.Of($"Software"), Markup.Of($"{software}"));
        }

        return new Section(
            "model",
            "Model and machine",
            "What was looked at, and where.",
            Markup.Of($"<div class=\"side\">{table.ToMarkup()}{rates.ToMarkup()}</div>\n"));

        void Row(string name, Func<ReportedModel, Markup> of)
        {
            if (result is null)
            {
                table.Row("", Markup.Of($"{name}"), of(model));
            }
            else
            {
                table.Row("", Markup.Of($"{name}"), of(model), of(result));
            }
        }
    }

    static Markup Share(FormatShare share) => Markup.Of($"<span class=\"share\">{share.Type} {new Figure(share.Bytes, ReportUnit.Bytes)}</span> ");
}
