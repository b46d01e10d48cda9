using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;

namespace OpenAutoGlm.Server.Wire;

/// <summary>A field of a body, for readers of the documentation.</summary>
/// <param name="Name">The name.</param>
/// <param name="Values">Type, range and default, in the words that <see cref="OpenApi.ValueText"/> understands.</param>
/// <param name="Meaning">What it does.</param>
record DocumentedField(string Name, string Values, string Meaning);

/// <summary>A field of a body.</summary>
/// <param name="Name">The name.</param>
/// <param name="Values">Type, range and default.</param>
/// <param name="Meaning">What it does.</param>
/// <param name="Read">Puts its value into the draft, or refuses it. Is never given null, which means absent everywhere.</param>
sealed record Field<T>(string Name, string Values, string Meaning, Action<T, RequestValue> Read) : DocumentedField(Name, Values, Meaning);

/// <summary>Every field that the body of a route may have. What is not here is refused by name.</summary>
/// <param name="route">The route, for messages.</param>
/// <param name="fields">The fields.</param>
sealed class FieldTable<T>(string route, params ImmutableArray<Field<T>> fields)
    where T : new()
{
    readonly FrozenDictionary<string, Field<T>> _byName = fields.ToFrozenDictionary(field => field.Name, StringComparer.Ordinal);

    public ImmutableArray<DocumentedField> Fields { get; } = ImmutableArray<DocumentedField>.CastUp(fields);

    /// <exception cref="ApiException">A field is unknown or has a value that it cannot have.</exception>
    public T Read(JsonElement body)
    {
        T draft = new();
        foreach (JsonProperty property in body.EnumerateObject())
        {
            if (!_byName.TryGetValue(property.Name, out Field<T>? field))
            {
                string name = ApiError.Clip(property.Name);
                throw new ApiException(ApiError.Unknown(name, $"'{name}' is not a parameter of {route}. Nothing is ignored here, so leave it out."));
            }

            RequestValue value = new(property.Name, property.Value);
            if (!value.IsNull)
            {
                field.Read(draft, value);
            }
        }

        return draft;
    }
}
