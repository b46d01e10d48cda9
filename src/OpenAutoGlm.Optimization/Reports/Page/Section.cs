namespace OpenAutoGlm.Optimization.Reports.Page;

/// <summary>A part of the page with a heading of its own.</summary>
/// <param name="Id">Where links point.</param>
/// <param name="Title">The heading.</param>
/// <param name="Lead">What the reader is about to see, in a sentence.</param>
/// <param name="Body">All below.</param>
sealed record Section(string Id, string Title, string Lead, Markup Body)
{
    public Markup ToMarkup() => Markup.Of($"""
        <section id="{Id}" aria-labelledby="{Id}-title">
        <h2 id="{Id}-title">{Title}</h2>
        <p class="lead">{Lead}</p>
        {Body}</section>

        """);
}
