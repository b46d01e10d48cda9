using System.Globalization;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Optimization.Pruning;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Prune;

/// <summary>Shows advice on pruning, and what was pruned.</summary>
sealed class PruneReport(CommandConsole console)
{
    public void Print(PruningAdvice advice, bool json)
    {
        if (json)
        {
            console.WriteJson(new JsonObject
            {
                ["options"] = new JsonArray([.. advice.Options.Select(option => (JsonNode)ToJson(option))]),
                ["notes"] = new JsonArray([.. advice.Notes.Select(note => (JsonNode)note)]),
            });
            return;
        }

        Table table = new Table().Border(TableBorder.None).AddColumn("taken out");
        foreach (string name in new[] { "smaller", "decoding", "prefill", "harm", "perplexity" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (PruningOption option in advice.Options)
        {
            table.AddRow(
                Markup.Escape(option.Name), Line($"{option.BytesSaved:0.0%}"), Line($"×{option.DecodeGain:0.00}"), Line($"×{option.PrefillGain:0.00}"),
                Line($"{option.Harm:0.0000}{(option.IsMeasured ? "" : " predicted")}"),
                option.Perplexity is var (before, after) ? Line($"{before:0.00} → {after:0.00}") : "");
        }

        console.Page().Write(table);
        console.Output.WriteLine();
        foreach (PruningOption option in advice.Options)
        {
            console.Output.WriteLine($"{option.Name}: {option.Verdict}{(option.Command is { } command ? $" ({command})" : "")}");
        }

        console.Output.WriteLine();
        foreach (string note in advice.Notes)
        {
            console.Output.WriteLine(note);
        }
    }

    public void Print(PruneOutcome outcome, string path, bool json)
    {
        if (json)
        {
            console.WriteJson(new JsonObject
            {
                ["path"] = path,
                ["weightBytesBefore"] = outcome.Before.WeightBytes,
                ["weightBytesAfter"] = outcome.After.WeightBytes,
                ["decodeGain"] = Math.Round(outcome.Before.DecodeSeconds / outcome.After.DecodeSeconds, 4),
                ["prefillGain"] = Math.Round(outcome.Before.PrefillSeconds / outcome.After.PrefillSeconds, 4),
                ["zeros"] = outcome.Zeros,
                ["meanKl"] = outcome.Quality.MeanKl,
                ["meanKlError"] = outcome.Quality.MeanKlError,
                ["perplexityBefore"] = outcome.Original.Perplexity,
                ["perplexityAfter"] = outcome.Quality.Perplexity,
                ["removed"] = new JsonArray([.. outcome.Removed.Select(unit => (JsonNode)unit.ToString())]),
            });
            return;
        }

        Facts facts = new(console);
        facts.Add("weights", $"{Units.Bytes(outcome.Before.WeightBytes)} → {Units.Bytes(outcome.After.WeightBytes)}");
        facts.Add("decoding", Line($"×{outcome.Before.DecodeSeconds / outcome.After.DecodeSeconds:0.00} by the bytes and operations that are left, prefill ×{outcome.Before.PrefillSeconds / outcome.After.PrefillSeconds:0.00}"));
        if (outcome.Zeros is { } zeros)
        {
            facts.Add("zeros", Line($"{zeros:0.0%} of the layers' weights"));
        }

        facts.Add("harm", Line($"{outcome.Quality.MeanKl:0.0000} ± {outcome.Quality.MeanKlError:0.0000} nats a token, perplexity {outcome.Original.Perplexity:0.00} → {outcome.Quality.Perplexity:0.00}, before any recovery training"));
        foreach (IGrouping<UnitKind, PrunableUnit> kind in outcome.Removed.GroupBy(unit => unit.Kind).Where(kind => kind.Key != UnitKind.Channel))
        {
            facts.Add("taken out", string.Join(", ", kind.Take(24)) + (kind.Count() > 24 ? Line($" and {kind.Count() - 24} more") : ""));
        }

        console.Output.WriteLine(path);
    }

    static JsonObject ToJson(PruningOption option) => new()
    {
        ["name"] = option.Name,
        ["flags"] = option.Command,
        ["bytesSaved"] = Math.Round(option.BytesSaved, 5),
        ["decodeGain"] = Math.Round(option.DecodeGain, 4),
        ["prefillGain"] = Math.Round(option.PrefillGain, 4),
        ["harm"] = option.Harm,
        ["measured"] = option.IsMeasured,
        ["perplexityBefore"] = option.Perplexity?.Before,
        ["perplexityAfter"] = option.Perplexity?.After,
        ["verdict"] = option.Verdict,
    };

    static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
