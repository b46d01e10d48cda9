using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.OpenApi;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>A name that a body may carry.</summary>
/// <param name="Name">The name.</param>
/// <param name="Treatment">What becomes of it.</param>
/// <param name="Values">Type, range and default, for people.</param>
/// <param name="Meaning">What it does, or why it does nothing.</param>
/// <param name="Read">Puts its value into the draft, or refuses it. Is never given null, which means absent everywhere.</param>
sealed record BodyField<TDraft>(string Name, Treatment Treatment, string Values, string Meaning, Action<TDraft, RequestValue> Read);

/// <summary>Every name that an object of a dialect may carry. What is not here is refused; the documentation has the same table.</summary>
/// <param name="owner">What the object belongs to, for messages: /v1/messages.</param>
/// <param name="fields">The names.</param>
sealed class BodyTable<TDraft>(string owner, ImmutableArray<BodyField<TDraft>> fields)
{
    readonly FrozenDictionary<string, BodyField<TDraft>> _byName = fields.ToFrozenDictionary(field => field.Name, StringComparer.Ordinal);

    public ImmutableArray<BodyField<TDraft>> Fields => fields;

    /// <summary>Reads a whole body.</summary>
    /// <exception cref="ApiException">It cannot be honoured as it stands.</exception>
    public void Read(TDraft draft, JsonElement body)
    {
        foreach (JsonProperty property in body.EnumerateObject())
        {
            Read(draft, property.Name, new RequestValue(ApiError.Clip(property.Name), property.Value));
        }
    }

    /// <summary>Reads an object within a body.</summary>
    /// <exception cref="ApiException">It cannot be honoured as it stands.</exception>
    public void Read(TDraft draft, RequestValue value)
    {
        foreach ((string name, RequestValue field) in value.Properties())
        {
            Read(draft, name, field);
        }
    }

    /// <summary>The table for the documentation.</summary>
    public string Markdown()
    {
        StringBuilder text = new("| parameter | | values | meaning |\n|---|---|---|---|\n");
        foreach (BodyField<TDraft> field in fields.OrderBy(field => field.Treatment))
        {
            text.Append($"| `{field.Name}` | {field.Treatment.ToString().ToLowerInvariant()} | {Cell(field.Values)} | {Cell(field.Meaning)} |\n");
        }

        return text.ToString();
    }

    static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    void Read(TDraft draft, string name, RequestValue value)
    {
        if (!_byName.TryGetValue(name, out BodyField<TDraft>? field))
        {
            throw new ApiException(ApiError.Unknown(value.Path, $"'{value.Path}' is not a parameter of {owner}. Nothing is ignored here, so leave it out."));
        }

        if (!value.IsNull)
        {
            field.Read(draft, value);
        }
    }
}
