using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Patterns;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// A schema's text with the names in it: resources by $id, places by $anchor. Schemas in it are read when something leads
/// to them, so that parts nobody refers to cannot make it fail.
/// </summary>
sealed class SchemaDocument
{
    /// <summary>Longest text of a schema, in UTF-16 units.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Deepest nesting of its JSON.</summary>
    public const int MaxDepth = 128;

    static readonly Uri Root = new("schema:///");

    readonly Dictionary<string, Place> _resources = [];
    readonly Dictionary<string, Place> _anchors = [];
    readonly Dictionary<string, int> _dynamicAnchors = [];
    readonly Dictionary<string, SchemaNode> _nodes = [];
    readonly Dictionary<string, Dfa> _patterns = [];

    SchemaDocument(JsonElement root, string start, JsonSchemaOptions options, CancellationToken cancellation)
    {
        (Options, Cancellation) = (options, cancellation);
        Place place = Within(new Place(root, "", Root, options.DefaultDialect), root, "");
        _resources[Root.ToString()] = place;
        Index(place);
        Start = start.Length == 0 ? Node(place) : Resolve(place, "#" + start, "$ref");
    }

    /// <summary>A schema within the text.</summary>
    /// <param name="Element">Its JSON.</param>
    /// <param name="Pointer">Where it stands.</param>
    /// <param name="Base">What references in it are relative to.</param>
    /// <param name="Dialect">What its keywords mean.</param>
    internal readonly record struct Place(JsonElement Element, string Pointer, Uri Base, SchemaDialect Dialect);

    public JsonSchemaOptions Options { get; }

    public CancellationToken Cancellation { get; }

    public SchemaNode Start { get; }

    public int NodeCount { get; private set; }

    /// <param name="text">The schema.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <param name="start">A JSON pointer, escaped as in a URI, to the part of it that values must satisfy; "" for the whole.</param>
    /// <exception cref="ConstraintException">It is no JSON, or too large.</exception>
    public static SchemaDocument Parse(string text, JsonSchemaOptions options, CancellationToken cancellation, string start = "")
    {
        if (text.Length > MaxLength)
        {
            throw ConstraintException.Schema("", $"it has {text.Length} characters, and {MaxLength} are the limit.", "Leave out descriptions, or split it.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return new SchemaDocument(document.RootElement.Clone(), start, options, cancellation);
        }
        catch (InvalidOperationException error)
        {
            throw ConstraintException.Schema("", "a string in it has half a character (a lone surrogate).", "Write both halves.", error);
        }
        catch (JsonException error)
        {
            throw ConstraintException.Schema("", $"it is no JSON: {ConstraintException.Clip(error.Message)}", $"Nesting may be {MaxDepth} deep.", error);
        }
    }

    /// <summary>An id that no other node has.</summary>
    public int NextId()
    {
        Cancellation.ThrowIfCancellationRequested();
        return NodeCount++;
    }

    /// <summary>The texts in which a pattern is found, worked out once.</summary>
    public Dfa Pattern(string pattern)
    {
        Cancellation.ThrowIfCancellationRequested();
        if (!_patterns.TryGetValue(pattern, out Dfa? automaton))
        {
            automaton = PatternCompiler.Search(pattern);
            _patterns.Add(pattern, automaton);
        }

        return automaton;
    }

    /// <summary>The schema at a place, read once.</summary>
    public SchemaNode Node(Place place)
    {
        if (!_nodes.TryGetValue(place.Pointer, out SchemaNode? node))
        {
            node = new SchemaNode(this, place);
            _nodes.Add(place.Pointer, node);
            node.Read();
        }

        return node;
    }

    /// <summary>The schema in a member of another, whose base may be its own.</summary>
    public SchemaNode Child(Place parent, JsonElement element, string pointer) => Node(Within(parent, element, pointer));

    /// <summary>The schema that a reference leads to.</summary>
    /// <exception cref="ConstraintException">It leads nowhere, or out of the text.</exception>
    public SchemaNode Resolve(Place from, string reference, string keyword)
    {
        string pointer = $"{from.Pointer}/{keyword}";
        if (!Uri.TryCreate(from.Base, reference, out Uri? target))
        {
            throw ConstraintException.Schema(pointer, $"'{ConstraintException.Clip(reference)}' is no reference.");
        }

        string fragment = Uri.UnescapeDataString(target.Fragment.TrimStart('#'));
        string resource = WithoutFragment(target);
        if (!_resources.TryGetValue(resource, out Place place))
        {
            throw ConstraintException.Schema(
                pointer, $"'{ConstraintException.Clip(reference)}' leads out of this schema, and nothing is fetched.", "Put its target under $defs with its $id.");
        }

        if (fragment.Length == 0)
        {
            return Node(place);
        }

        if (fragment[0] != '/')
        {
            return _anchors.TryGetValue(resource + "#" + fragment, out Place anchored)
                ? Node(anchored)
                : throw ConstraintException.Schema(pointer, $"there is no anchor '{ConstraintException.Clip(fragment)}'.");
        }

        return Node(Follow(place, fragment) ?? throw ConstraintException.Schema(pointer, $"'{ConstraintException.Clip(reference)}' leads nowhere."));
    }

    /// <summary>How many schemas have a dynamic anchor of a name.</summary>
    public int DynamicAnchors(string name) => _dynamicAnchors.GetValueOrDefault(name);

    static Place? Follow(Place place, string fragment)
    {
        foreach (string part in fragment.Split('/').Skip(1))
        {
            string name = part.Replace("~1", "/").Replace("~0", "~");
            JsonElement next;
            if (place.Element.ValueKind == JsonValueKind.Object && place.Element.TryGetProperty(name, out next))
            {
            }
            else if (place.Element.ValueKind == JsonValueKind.Array && int.TryParse(name, out int index) && index >= 0 && index < place.Element.GetArrayLength())
            {
                next = place.Element[index];
            }
            else
            {
                return null;
            }

            place = Within(place, next, $"{place.Pointer}/{part}");
        }

        return place;
    }

    static Place Within(Place parent, JsonElement element, string pointer)
    {
        Place place = parent with { Element = element, Pointer = pointer };
        if (element.ValueKind == JsonValueKind.Object)
        {
            place = place with { Dialect = DialectOf(place) };
            string idName = place.Dialect == SchemaDialect.Draft4 ? "id" : "$id";
            bool isLone = place.Dialect != SchemaDialect.Draft202012 && element.TryGetProperty("$ref", out JsonElement reference) && reference.ValueKind == JsonValueKind.String;
            if (!isLone && element.TryGetProperty(idName, out JsonElement id) && id.ValueKind == JsonValueKind.String && Uri.TryCreate(parent.Base, id.GetString(), out Uri? named))
            {
                place = place with { Base = named };
            }
        }

        return place;
    }

    static SchemaDialect DialectOf(Place place)
    {
        if (!place.Element.TryGetProperty("$schema", out JsonElement schema))
        {
            return place.Dialect;
        }

        string name = schema.ValueKind == JsonValueKind.String ? schema.GetString()!.TrimEnd('#') : "";
        return name switch
        {
            _ when name.EndsWith("json-schema.org/draft-03/schema", StringComparison.Ordinal) => throw ConstraintException.Schema(place.Pointer + "/$schema", "draft 3 is not supported.", "Use draft 4 to 2020-12."),
            _ when name.EndsWith("json-schema.org/draft-04/schema", StringComparison.Ordinal) => SchemaDialect.Draft4,
            _ when name.EndsWith("json-schema.org/draft-06/schema", StringComparison.Ordinal) => SchemaDialect.Draft7,
            _ when name.EndsWith("json-schema.org/draft-07/schema", StringComparison.Ordinal) => SchemaDialect.Draft7,
            _ when name.EndsWith("json-schema.org/draft/2019-09/schema", StringComparison.Ordinal) => SchemaDialect.Draft202012,
            _ when name.EndsWith("json-schema.org/draft/2020-12/schema", StringComparison.Ordinal) => SchemaDialect.Draft202012,
            _ when name.EndsWith("json-schema.org/schema", StringComparison.Ordinal) => place.Dialect,
            _ => throw ConstraintException.Schema(
                place.Pointer + "/$schema", $"'{ConstraintException.Clip(name)}' is no dialect that is known here.", "Use https://json-schema.org/draft/2020-12/schema, or leave $schema out."),
        };
    }

    static string WithoutFragment(Uri uri) => uri.GetComponents(UriComponents.AbsoluteUri & ~UriComponents.Fragment, UriFormat.UriEscaped);

    /// <summary>Notes the names of a schema and of those in it. Members that hold data (enum, const, …) are passed over.</summary>
    void Index(Place place)
    {
        Cancellation.ThrowIfCancellationRequested();
        if (place.Element.ValueKind == JsonValueKind.Array)
        {
            int index = 0;
            foreach (JsonElement element in place.Element.EnumerateArray())
            {
                Index(Within(place, element, $"{place.Pointer}/{index++}"));
            }

            return;
        }

        if (place.Element.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        string resource = WithoutFragment(place.Base);
        string idName = place.Dialect == SchemaDialect.Draft4 ? "id" : "$id";
        if (place.Element.TryGetProperty(idName, out JsonElement id) && id.ValueKind == JsonValueKind.String)
        {
            // Before 2019 an $id of a fragment alone was an anchor.
            if (place.Base.Fragment.Length > 1)
            {
                _anchors.TryAdd(resource + place.Base.Fragment, place);
            }
            else if (id.GetString() is not ['#', ..])
            {
                _resources.TryAdd(resource, place);
            }
        }

        if (place.Pointer.Length == 0)
        {
            _resources[Root.ToString()] = place;
            _resources.TryAdd(resource, place);
        }

        foreach (string keyword in (string[])["$anchor", "$dynamicAnchor"])
        {
            if (place.Dialect == SchemaDialect.Draft202012 && place.Element.TryGetProperty(keyword, out JsonElement anchor) && anchor.ValueKind == JsonValueKind.String)
            {
                _anchors.TryAdd(resource + "#" + anchor.GetString(), place);
                if (keyword == "$dynamicAnchor")
                {
                    _dynamicAnchors[anchor.GetString()!] = _dynamicAnchors.GetValueOrDefault(anchor.GetString()!) + 1;
                }
            }
        }

        foreach (JsonProperty member in place.Element.EnumerateObject())
        {
            if (member.Name is "properties" or "patternProperties" or "$defs" or "definitions" or "dependentSchemas" or "dependencies" && member.Value.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty inner in member.Value.EnumerateObject())
                {
                    Index(Within(place, inner.Value, $"{place.Pointer}/{member.Name}/{Escape(inner.Name)}"));
                }
            }
            else if (member.Name is "additionalProperties" or "propertyNames" or "items" or "prefixItems" or "additionalItems" or "contains" or "unevaluatedItems" or "unevaluatedProperties"
                or "allOf" or "anyOf" or "oneOf" or "not" or "if" or "then" or "else")
            {
                Index(member.Value.ValueKind == JsonValueKind.Array
                    ? place with { Element = member.Value, Pointer = $"{place.Pointer}/{member.Name}" }
                    : Within(place, member.Value, $"{place.Pointer}/{member.Name}"));
            }
        }
    }

    /// <summary>A name as a part of a JSON pointer.</summary>
    internal static string Escape(string name) => name.Replace("~", "~0").Replace("/", "~1");
}
