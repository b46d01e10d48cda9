namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What was asked for, and how each part of it was kept.</summary>
static class WishPart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Wish is not { Promises.IsEmpty: false } wish)
        {
            return null;
        }

        Table table = new(
            "What was asked for, what the search expected, and what was measured in the end",
            ("Promise", Column.Text), ("Asked", Column.Number), ("Predicted", Column.Number), ("Measured", Column.Number), ("Nearest", Column.Number), ("Outcome", Column.Text));
        foreach (Promise promise in wish.Promises)
        {
            table.Row(
                "",
                Markup.Of($"{HeadPart.Capital(promise.What)}{(promise.Note is { } note ? Markup.Of($"<small>{note}</small>") : null)}"),
                Markup.Of($"{(promise.Limit == PromiseLimit.AtMost ? "≤" : "≥")} {new Figure(promise.Asked, promise.Unit)}"),
                new Figure(promise.Predicted, promise.Unit).ToMarkup(),
                new Figure(promise.Measured, promise.Unit).ToMarkup(),
                new Figure(promise.Nearest, promise.Unit).ToMarkup(),
                Badge(promise.Outcome, null));
        }

        return new Section("wish", "The wish", "A promise counts as kept only where the finished model was measured.", table.ToMarkup());
    }

    /// <summary>A small sign with a word: colour alone says nothing.</summary>
    public static Markup Badge(PromiseOutcome outcome, string? of)
    {
        (string kind, string sign, string word) = outcome switch
        {
            PromiseOutcome.Kept => ("good", "✓", "kept"),
            PromiseOutcome.Missed => ("bad", "✕", "missed"),
            PromiseOutcome.Predicted => ("open", "≈", "predicted"),
            _ => ("bad", "✕", "impossible"),
        };
        return Markup.Of($"<span class=\"badge {kind}\"><span aria-hidden=\"true\">{sign}</span> {(of is null ? Markup.Of($"{word}") : Markup.Of($"<span class=\"unseen\">{word}: </span>{of}"))}</span> ");
    }
}
