namespace OpenAutoGlm.Optimization.Reports.Page;

/// <summary>A table as it grows: a caption, headings, rows. Wide ones scroll by themselves on narrow screens.</summary>
/// <param name="caption">What it shows.</param>
/// <param name="columns">Headings: a name, and its kind.</param>
sealed class Table(string caption, params (string Name, Column Kind)[] columns)
{
    readonly Markup _rows = new();

    /// <summary>A row; the first cell is its heading.</summary>
    /// <param name="kind">A class for the row; empty for none.</param>
    /// <param name="cells">Its cells, one for each column.</param>
    public Table Row(string kind, params ReadOnlySpan<Markup> cells)
    {
        _rows.Add($"<tr class=\"{kind}\">");
        for (int i = 0; i < cells.Length; i++)
        {
            _ = i == 0 ? _rows.Add($"<th scope=\"row\">{cells[i]}</th>") : _rows.Add($"<td class=\"{Class(columns[i].Kind)}\">{cells[i]}</td>");
        }

        _rows.Add($"</tr>\n");
        return this;
    }

    /// <summary>A line over several rows.</summary>
    public Table Topic(string name)
    {
        _rows.Add($"<tr class=\"topic\"><th scope=\"colgroup\" colspan=\"{columns.Length}\">{name}</th></tr>\n");
        return this;
    }

    /// <summary>The table.</summary>
    /// <param name="sortable">Whether a reader may sort it, where scripts run.</param>
    public Markup ToMarkup(bool sortable = false)
    {
        Markup heads = Markup.Join(columns, column => Markup.Of($"<th scope=\"col\" class=\"{Class(column.Kind)}\">{Head(column.Name)}</th>"));
        return Markup.Of($"""
            <div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table class="{(sortable ? "sortable" : "")}">
            <caption>{caption}</caption>
            <thead><tr>{heads}</tr></thead>
            <tbody>
            {_rows}</tbody></table></div>

            """);
    }

    static Markup Head(string name) => name.Length == 0 ? Markup.Of($"<span class=\"unseen\">picture</span>") : Markup.Of($"{name}");

    static string Class(Column kind) => kind switch { Column.Number => "number", Column.Picture => "picture", _ => "" };
}

/// <summary>What a column holds.</summary>
enum Column
{
    Text,
    Number,
    Picture,
}
