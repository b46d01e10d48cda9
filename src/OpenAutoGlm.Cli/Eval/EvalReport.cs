using System.Globalization;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Evaluation.Tasks;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Eval;

/// <summary>What was measured, for people: numbers with their standard errors, two models side by side.</summary>
sealed class EvalReport(CommandConsole console)
{
    public void Print(EvalOutcome outcome)
    {
        console.Output.WriteLine(outcome.Candidate is null ? outcome.Original : $"original   {outcome.Original}\ncandidate  {outcome.Candidate}");
        if (outcome.Text is { } text)
        {
            Print(text);
        }

        foreach (TaskOutcome task in outcome.Tasks)
        {
            Print(task);
        }
    }

    void Print(TextOutcome text)
    {
        console.Output.WriteLine(Line($"\ntext: {text.Windows.Windows.Length} windows of {text.Windows.WindowTokens} tokens, {text.Windows.Scored} predictions; ± is one standard error"));
        if (text.Candidate is not { } candidate)
        {
            Table one = BenchTable.Of(console, "", "value");
            one.AddRow("perplexity", WithError(text.Original.Perplexity, text.Original.PerplexityError));
            one.AddRow("cross-entropy, nats a token", WithError(text.Original.CrossEntropy, text.Original.CrossEntropyError));
            console.Page().Write(one);
            return;
        }

        Table table = BenchTable.Of(console, "", "original", "candidate", "change");
        table.AddRow("perplexity", WithError(text.Original.Perplexity, text.Original.PerplexityError), WithError(candidate.Perplexity, candidate.PerplexityError), Relative(candidate));
        table.AddRow(
            "cross-entropy, nats a token",
            WithError(text.Original.CrossEntropy, text.Original.CrossEntropyError),
            WithError(candidate.CrossEntropy, candidate.CrossEntropyError),
            Signed(candidate.CrossEntropyChange, candidate.CrossEntropyChangeError));
        table.AddRow("KL of the original to it, mean", "", WithError(candidate.MeanKl, candidate.MeanKlError), "");
        table.AddRow("KL at 90 %, 99 %, largest", "", Line($"{Number(candidate.KlP90)}, {Number(candidate.KlP99)}, {Number(candidate.KlMax)}"), "");
        table.AddRow("same likeliest token", "", $"{Percent(candidate.Top1Agreement)} ± {Percent(candidate.Top1AgreementError)}", "");
        console.Page().Write(table);
    }

    void Print(TaskOutcome outcome)
    {
        console.Output.WriteLine(Line($"\n{outcome.Task.Name}: {outcome.Task.Items.Length} questions, share of right answers with its 95 % interval"));
        TaskSummary[] original = [.. TaskSummary.Of(outcome.Task, outcome.Original)];
        TaskSummary[]? candidate = outcome.Candidate is { } results ? [.. TaskSummary.Of(outcome.Task, results)] : null;
        Table table = candidate is null
            ? BenchTable.Of(console, "group", "questions", "right", "loss a token")
            : BenchTable.Of(console, "group", "questions", "original", "candidate", "change", "lost, gained", "by chance");
        for (int i = 0; i < original.Length; i++)
        {
            TaskSummary row = original[i];
            string group = Markup.Escape(row.Group.Length == 0 ? "all" : row.Group);
            if (candidate is null)
            {
                table.AddRow(group, $"{row.Items}", Share(row), row.Loss is { } loss ? Number(loss) : "");
                continue;
            }

            TaskComparison compared = outcome.CompareGroup(row.Group);
            table.AddRow(
                group,
                $"{row.Items}",
                Share(row),
                Share(candidate[i]),
                $"{compared.Change * 100:+0.0;-0.0;0.0} ± {Percent(compared.ChangeError)}",
                $"{compared.Lost}, {compared.Gained}",
                Line($"p = {compared.Chance:0.000}"));
        }

        console.Page().Write(table);
    }

    static string Share(TaskSummary summary) => Line($"{Percent(summary.Accuracy)} ({summary.Interval.Low * 100:0.0} … {summary.Interval.High * 100:0.0})");

    static string Relative(Quality candidate) =>
        Line($"{(Math.Exp(candidate.CrossEntropyChange) - 1) * 100:+0.00;-0.00;0.00} ± {Math.Exp(candidate.CrossEntropyChange) * candidate.CrossEntropyChangeError * 100:0.00} %");

    static string Signed(double value, double error) => value >= 0 ? $"+{WithError(value, error)}" : WithError(value, error);

    /// <summary>Both to the second digit of the error that matters: 70.8 ± 5.6.</summary>
    static string WithError(double value, double error)
    {
        if (!(error > 0) || !double.IsFinite(value) || !double.IsFinite(error))
        {
            return $"{Number(value)} ± {Number(error)}";
        }

        string digits = $"F{Math.Clamp(1 - (int)Math.Floor(Math.Log10(error)), 0, 9)}";
        return $"{value.ToString(digits, CultureInfo.InvariantCulture)} ± {error.ToString(digits, CultureInfo.InvariantCulture)}";
    }

    static string Percent(double share) => Line($"{share * 100:0.0} %");

    static string Number(double value) => value == 0 ? "0" : Math.Abs(value) switch
    {
        >= 100 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.000", CultureInfo.InvariantCulture),
        >= 0.001 => value.ToString("0.00000", CultureInfo.InvariantCulture),
        _ => value.ToString("0.0e0", CultureInfo.InvariantCulture),
    };

    static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
