using System.Collections.Immutable;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>What the document says of a route beside its address.</summary>
/// <param name="Tag">The group it stands in.</param>
/// <param name="Summary">What it does.</param>
sealed record RouteDocument(string Tag, string Summary)
{
    /// <summary>The fields of its body; default for a route without a body.</summary>
    public ImmutableArray<DocumentedField> Body { get; init; }

    /// <summary>The media type of its body.</summary>
    public string BodyType { get; init; } = "application/json";

    /// <summary>The parameters after the question mark.</summary>
    public ImmutableArray<DocumentedField> Query { get; init; } = [];

    /// <summary>The media types of its answers.</summary>
    public ImmutableArray<string> Answers { get; init; } = ["application/json"];

    /// <summary>Whether it answers without a key even where one is set.</summary>
    public bool IsOpen { get; init; }
}
