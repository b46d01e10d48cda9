using OpenAutoGlm.Optimization.Reports.Page.Pictures;

namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>What else was considered: size and speed against loss.</summary>
static class CandidatePart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Candidates.IsEmpty)
        {
            return null;
        }

        Markup pictures = Markup.Of($"{ScatterPicture.Of("Size against loss", "size of the weights", ReportUnit.Bytes, report.Candidates, one => one.Bytes)}");
        if (report.Candidates.Count(one => one.SecondsPerToken is not null) > 1)
        {
            pictures.Add(ScatterPicture.Of("Time against loss", "time for each token", ReportUnit.Seconds, report.Candidates, one => one.SecondsPerToken));
        }

        Table table = new(
            "All candidates",
            ("Candidate", Column.Text), ("Size", Column.Number), ("Bits per weight", Column.Number), ("KL measured", Column.Number), ("KL predicted", Column.Number), ("Perplexity", Column.Number), ("Time per token", Column.Number), ("On the front", Column.Text));
        foreach (Candidate one in report.Candidates.OrderBy(one => one.Bytes))
        {
            table.Row(
                one.Kind == CandidateKind.Chosen ? "chosen" : "",
                Markup.Of($"{one.Name}<small>{Kind(one.Kind)}</small>"),
                new Figure(one.Bytes, ReportUnit.Bytes).ToMarkup(),
                new Figure(one.BitsPerWeight, ReportUnit.BitsPerWeight).ToMarkup(),
                Figure.WithError(one.MeanKl, one.MeanKlError, ReportUnit.Nats),
                new Figure(one.PredictedKl, ReportUnit.Nats).ToMarkup(),
                new Figure(one.Perplexity, ReportUnit.Perplexity).ToMarkup(),
                Markup.Of($"{new Figure(one.SecondsPerToken, ReportUnit.Seconds)}{(one.SecondsPerToken is null || one.TimeMeasured ? null : Markup.Of($"<small>from kernels</small>"))}"),
                Markup.Of($"{(one.OnFront ? "yes" : "no")}"));
        }

        return new Section(
            "candidates",
            "What else was considered",
            "Further down and to the left is better. Loss is the mean KL divergence from the original, measured where it was, else predicted.",
            Markup.Of($"""
                <figure class="card"><ul class="legend">
                <li>{ScatterPicture.Key("chosen")}chosen</li><li>{ScatterPicture.Key("uniform")}one format for all</li><li>{ScatterPicture.Key("mix")}fixed mix</li><li>{ScatterPicture.Key("searched")}searched</li><li>{ScatterPicture.Key("original")}original</li>
                </ul><div class="panels">{pictures}</div><figcaption>The line joins what nothing else in the picture beats. The original has no loss and stands on the lower edge. +2: two more stand there; a name that would hide another is left to the table.</figcaption></figure>
                <details><summary>All candidates as a table</summary>{table.ToMarkup(sortable: true)}</details>

                """));
    }

    static string Kind(CandidateKind kind) => kind switch
    {
        CandidateKind.Original => "as it came",
        CandidateKind.Chosen => "the result",
        CandidateKind.Uniform => "one format for all tensors",
        CandidateKind.Mix => "fixed mix",
        _ => "another answer of the search",
    };
}
