namespace OpenAutoGlm.Optimization.Reports.Page.Parts;

/// <summary>How to do it again, and how long it took.</summary>
static class CommandPart
{
    public static Section? Of(OptimizationReport report)
    {
        if (report.Commands.IsEmpty && report.Stages.IsEmpty)
        {
            return null;
        }

        Markup body = Markup.Join(report.Commands, one => Markup.Of($"<div class=\"command\"><p>{HeadPart.Capital(one.Purpose)}</p><pre tabindex=\"0\"><code>{one.Line}</code></pre></div>\n"));
        if (!report.Stages.IsEmpty)
        {
            Table stages = new("How long each stage took", ("Stage", Column.Text), ("Time", Column.Number), ("", Column.Picture));
            double most = report.Stages.Max(stage => stage.Seconds);
            foreach (StageTime stage in report.Stages)
            {
                stages.Row("", Markup.Of($"{HeadPart.Capital(stage.Name)}"), new Figure(stage.Seconds, ReportUnit.Seconds).ToMarkup(), Pictures.SmallBars.One(stage.Seconds, most));
            }

            body.Add(stages.ToMarkup());
        }

        return new Section("again", "To do it again", "The same commands on the same machine give the same model.", body);
    }
}
