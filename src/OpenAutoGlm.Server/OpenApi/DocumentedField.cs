using System.Collections.Immutable;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>A field of a body or a parameter of an address.</summary>
/// <param name="Name">The name.</param>
/// <param name="Values">Type, range and default, in the words that <see cref="ValueText"/> understands.</param>
/// <param name="Meaning">What it does.</param>
sealed record DocumentedField(string Name, string Values, string Meaning)
{
    /// <summary>The fields of a table.</summary>
    public static ImmutableArray<DocumentedField> Of<TDraft>(BodyTable<TDraft> table) =>
        [.. table.Fields.Select(field => new DocumentedField(field.Name, field.Values, field.Meaning))];

    /// <summary>The parameters of a text route.</summary>
    public static ImmutableArray<DocumentedField> Of(Routes route) =>
        [.. ParameterTable.All.Where(parameter => parameter.Routes.HasFlag(route)).Select(parameter => new DocumentedField(parameter.Name, parameter.Values, parameter.Meaning))];
}
