namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>What all pictures have in common: a name and a description for those who do not see them, and classes for colours.</summary>
static class Svg
{
    /// <summary>A picture that is as wide as its place, and scrolls where that is narrower than it can be read.</summary>
    /// <param name="title">Its name.</param>
    /// <param name="description">What is to be seen.</param>
    /// <param name="width">Width of its coordinates.</param>
    /// <param name="height">Height of its coordinates.</param>
    /// <param name="kind">wide, panel: how much room it needs.</param>
    /// <param name="body">What is drawn.</param>
    public static Markup Of(string title, string description, double width, double height, string kind, Markup body) => Markup.Of($"""
        <div class="scroll" tabindex="0" role="region" aria-label="{title}"><svg class="{kind}" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
        <title>{title}</title><desc>{description}</desc>
        {body}</svg></div>

        """);

    public static Markup Line(double x1, double y1, double x2, double y2, string kind) =>
        Markup.Of($"<line class=\"{kind}\" x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\"/>\n");

    public static Markup Text(double x, double y, string kind, string text) => Markup.Of($"<text class=\"{kind}\" x=\"{x:0.#}\" y=\"{y:0.#}\">{text}</text>\n");
}
